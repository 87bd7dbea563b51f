"""Chaos: why weight decay never lets it rest, where it is regular after all, and what many noisy runs have in common."""

from app.laboratory import Page
from app.presets import CHAOS
from app.views import explore

PAGE = Page(
    "chaos",
    "Never at rest",
    "Weight decay shrinks the weights until the step is too long: then it jumps, and all begins again.",
    CHAOS,
    explore.groups,
)
