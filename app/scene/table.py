"""A table of numbers as text: the first line names its columns, every other one is a row.

    u,t
    -1.4,-0.9
    1,0.8
"""

import csv
import io

from app.scene.error import SceneError
from landscapes.rows import MAX_ROWS

Columns = dict[str, list[float]]


def columns(text: str) -> Columns:
    """The columns of a table with commas, semicolons or tabs between its numbers, or `SceneError` with the line at fault."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    between = next((mark for mark in ("\t", ";") if lines and mark in lines[0]), ",")
    try:
        cells = csv.reader(io.StringIO("\n".join(lines)), delimiter=between)
        head, *rows = [[cell.strip() for cell in row] for row in cells]
    except (ValueError, csv.Error):
        raise SceneError("data", "This is no table: its first line names the columns, the others hold numbers.") from None
    if len(rows) > MAX_ROWS:
        raise SceneError("data", f"Data have 1 to {MAX_ROWS} rows; these have {len(rows)}.")
    if len(set(head)) < len(head):
        raise SceneError("data", "Two columns of this table have one name; the first line names each column once.")
    made: Columns = {name: [] for name in head}
    for number, row in enumerate(rows, 1):
        if len(row) != len(head):
            there = f"its columns are {', '.join(head)[:80]}"
            raise SceneError("data", f"Row {number} of this table has {len(row)} numbers; {there}.")
        for name, cell in zip(head, row, strict=True):
            try:
                made[name].append(float(cell.replace(",", ".") if between != "," else cell))
            except ValueError:
                where = f"{cell[:20]!r} in row {number}, column {name[:20]}, is none"
                raise SceneError("data", f"Data are a table of numbers; {where}.") from None
    return made
