"""A picture drawn with a pen, stroke by stroke what the stage draws."""
