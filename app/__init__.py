"""All that a person meets: the page, the stage, the film, the command. It contains no mathematics."""

__version__ = "0.1.0"
