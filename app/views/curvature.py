"""Curvature: the sharpness against what a rule can bear; warmup, clipping, catapults and the edge of stability."""

from app.laboratory.laboratory import Page
from app.views import explore

PAGE = Page(
    "curvature",
    "How sharp is too sharp?",
    lambda scene: "Each rule bears a curvature of its own: below it a run settles, above it something has to give.",
    explore.groups,
)
