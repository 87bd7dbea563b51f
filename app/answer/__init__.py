"""A scene carried out, as data: paths, reports on twins, checks, lists."""
