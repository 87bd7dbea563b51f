"""Atlas: two things vary, a million runs, one number of each."""

from app.laboratory.laboratory import Page
from app.views import explore

PAGE = Page(
    "atlas",
    "A map of runs",
    lambda scene: "Every pixel is a run: drag a rectangle to look closer, rest on one to see its path, click to open it.",
    explore.groups,
)
