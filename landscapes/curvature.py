"""Losses whose sharpness changes along the way, so that a large step can find a flatter place."""

from landscapes.landscape import Landscape, register

register(Landscape(
    name="catapult",
    formula="(x*y)^2/2",
    title="Catapult, (xy)²/2",
    sentence="For 2 < ηλ₀ < 4 the loss first shoots up, and the weights land where the curvature is below 2/η.",
    window=(-6.0, 6.0, -6.0, 6.0),
    start=(5.4754, 0.0913),
    minima=((0.0, 0.0),),
    citation="A. Lewkowycz et al., The large learning rate phase of deep learning, 2020 (arXiv:2003.02218).",
))

register(Landscape(
    name="product",
    formula="(x*y - 1)^2/2",
    title="(xy − 1)²/2",
    sentence="A hyperbola of minima, each with its own sharpness x² + y²: the learning rate chooses among them.",
    window=(-3.0, 8.0, -4.0, 4.0),
    start=(7.0, 0.1),
    minima=((1.0, 1.0), (-1.0, -1.0)),
    citation="The two-layer linear net with one weight a layer.",
))

register(Landscape(
    name="minimal_edge",
    formula="(x^2*y^2 - 1)^2/2",
    title="(x²y² − 1)²/2",
    sentence="Four weights tied in pairs: from (7, 0.1) at η = 0.02 the sharpness climbs to 2/η and is held there.",
    window=(-2.0, 8.0, -2.0, 2.0),
    start=(7.0, 0.1),
    minima=((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)),
    citation="X. Zhu et al., Understanding edge-of-stability training dynamics, 2022 (arXiv:2210.03294).",
))

register(Landscape(
    name="progressive_sharpening",
    formula="(1 + y)^2*x^2/2 + c*(y - top)^2/2; c = 0.02 in [0.001, 0.2] log; top = 1.2 in [0, 3]",
    title="Progressive sharpening",
    sentence="Sliding up the valley makes its walls steeper, until the step bounces and holds the climb back.",
    window=(-1.0, 1.0, -0.5, 1.6),
    start=(0.3, 0.0),
    minima=((0.0, 1.2),),
    citation="A bounded toy of this project, after J. Cohen et al., 2021 (arXiv:2103.00065).",
))
