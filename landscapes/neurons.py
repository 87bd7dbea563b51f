"""Two-weight models small enough to draw: where scale invariance and bad conditioning come from."""

from landscapes.landscape import Landscape, register

INPUTS = ((1.2, 0.4), (-1.0, 0.6), (0.4, -1.2), (-0.8, -0.6), (1.0, 1.0), (-0.8, -0.2))
TARGETS = (1.0, -1.0, -0.5, 0.5, 0.8, -0.8)
"""Six centred inputs and targets of the batch-normalised neuron; a test rebuilds its formula from them."""

register(Landscape(
    name="batch_norm_neuron",
    formula="1.63 - 2*(1.52*x + 0.53*y)/sqrt(7.32*x^2 + 3.12*x*y + 5.04*y^2)",
    title="Batch-normalised neuron",
    sentence="The squared error of one linear neuron whose output is standardised over six points: length drops out.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.3),
    minima=((0.976497, 0.215532),),
    citation="S. Ioffe, C. Szegedy, Batch normalization, 2015 (arXiv:1502.03167); closed form of this project.",
))

register(Landscape(
    name="regression",
    formula="s*(0.5*(x - 1)^2 + 0.3*(x - 1)*(y + 0.5) + 0.25*(y + 0.5)^2 + 0.05); s = 1 in [1e-8, 1e8] log",
    title="Two-weight regression",
    sentence="Mean or sum over the batch is only a factor s on the loss, yet plain gradient descent notices.",
    window=(-2.0, 2.6, -2.4, 2.2),
    start=(-1.2, 1.4),
    minima=((1.0, -0.5),),
    citation="Mean squared error of a linear model; s is the loss scale.",
))

register(Landscape(
    name="uncentred_regression",
    formula="0.5*((1 + m^2)*x^2 + 2*m*x*y + y^2); m = 3 in [0, 10]",
    title="Regression on uncentred inputs",
    sentence="An input mean of m makes one eigenvalue of the Hessian an outlier; centring removes it.",
    window=(-2.0, 2.0, -2.0, 2.0),
    start=(-1.2, 1.4),
    minima=((0.0, 0.0),),
    citation="R. Grosse, Topics in machine learning: neural net training dynamics, chapter 1.",
))
