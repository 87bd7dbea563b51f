"""Chaos: why weight decay never lets it rest, where it is regular after all, and what many noisy runs have in common."""

from app.laboratory.laboratory import Page
from app.views import explore

PAGE = Page(
    "chaos",
    "Never at rest",
    lambda scene: "Runs that jump, wander or settle: one for a long time, or thousands at once.",
    explore.groups,
)
