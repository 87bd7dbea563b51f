"""Two-weight models on a handful of points: where scale invariance, bad conditioning and growing norms come from.

Each is a mean over the rows of a table that it brings; the page lets one move the points.
"""

from landscapes.landscape import Landscape, register

INPUTS = ((1.2, 0.4), (-1.0, 0.6), (0.4, -1.2), (-0.8, -0.6), (1.0, 1.0), (-0.8, -0.2))
TARGETS = (1.0, -1.0, -0.5, 0.5, 0.8, -0.8)
"""Six centred inputs and targets of the normalised neurons."""
CLASSES = (1.0, -1.0, -1.0, -1.0, 1.0, -1.0)
"""Which of the six points are on which side; a line through the origin separates them."""
STANDARD = (-1.4, -1.0, -0.2, 0.2, 1.0, 1.4)
"""Six inputs with mean 0 and variance 1."""

POINTS = (("u", tuple(u for u, _ in INPUTS)), ("v", tuple(v for _, v in INPUTS)), ("t", TARGETS))
SIDES = (*POINTS[:2], ("t", CLASSES))
BENT = (("u", STANDARD), ("t", (-1.1, -1.05, -0.3, 0.3, 0.95, 1.15)))
LINE = (("u", (-0.6, -0.2, 0.3, 0.9, 1.5, 2.1)), ("t", (-0.2, 0.3, 0.3, 1.1, 1.2, 1.9)))
BATCH_NORM = "S. Ioffe, C. Szegedy, Batch normalization, 2015 (arXiv:1502.03167)."

register(Landscape(
    name="batch_norm_neuron",
    formula="mean((a - t)^2); a = (z - mean(z))/sqrt(mean((z - mean(z))^2)); z = x*u + y*v",
    title="Batch-normalised neuron",
    sentence="The squared error of one linear neuron whose output is standardised over six points: length drops out.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.3),
    minima=((0.976497, 0.215532),),
    citation=BATCH_NORM,
    data=POINTS,
))

register(Landscape(
    name="batch_norm_stopped",
    formula="mean((a - t)^2); a = (z - stop(mean(z)))/stop(sqrt(mean((z - mean(z))^2))); z = x*u + y*v",
    title="Batch norm without its statistics' gradient",
    sentence="The same loss, but mean and deviation count as constants when the gradient is taken: it feels the length.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.3),
    citation=BATCH_NORM,
    data=POINTS,
))

register(Landscape(
    name="uncentred_batch_norm",
    formula="mean((a - t)^2); a = z/sqrt(mean(z^2)); z = x*(u + m) + y*v; m = 0 in [0, 5]",
    title="Normalised without centring",
    sentence="The output is divided by its root mean square only: length still drops out, an input's mean does not.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.3),
    minima=((0.976497, 0.215532),),
    citation="B. Zhang, R. Sennrich, Root mean square layer normalization, 2019 (arXiv:1910.07467), over a batch.",
    data=POINTS,
))

register(Landscape(
    name="layer_norm_pair",
    formula="mean((a - t)^2); a = sqrt(2)*p/sqrt(p^2 + q^2); p = x*u; q = y*v",
    title="Two units, normalised as a layer",
    sentence="Each point's two outputs are divided by their own root mean square: no batch, and length drops out too.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.7),
    minima=((0.219377, 0.97564), (0.219377, -0.97564)),
    citation="J. L. Ba, J. R. Kiros, G. E. Hinton, Layer normalization, 2016 (arXiv:1607.06450), without centring.",
    data=POINTS,
))

register(Landscape(
    name="weight_norm",
    formula="mean((z - t)^2)/2; z = g*(x*u + y*v)/r; g = 1 in [0.1, 3]",
    title="Weight normalisation",
    sentence="The weights are divided by their own length, and a gain g gives a length back: the direction alone is learnt.",
    window=(-1.8, 1.8, -1.8, 1.8),
    start=(-0.9, 0.3),
    minima=((0.999911, 0.013338),),
    citation="T. Salimans, D. P. Kingma, Weight normalization, 2016 (arXiv:1602.07868).",
    data=POINTS,
))

register(Landscape(
    name="linear_regression",
    formula="mean((z - t)^2)/2; z = x*u + y",
    title="Linear regression",
    sentence="A slope x and an intercept y, fitted to six points: a bowl whose shape is that of the inputs.",
    window=(-1.5, 3.0, -2.0, 2.5),
    start=(-1.0, 2.0),
    minima=((0.729849, 0.280101),),
    citation="A.-M. Legendre, Nouvelles méthodes pour la détermination des orbites des comètes, 1805.",
    data=LINE,
))

register(Landscape(
    name="logistic_regression",
    formula="mean(softplus(-t*z)); z = x*u + y*v",
    title="Logistic regression, separable",
    sentence="A line can separate the points, so the loss has no minimum: the norm grows for ever, like a logarithm.",
    window=(-4.0, 12.0, -6.0, 10.0),
    start=(-2.0, 4.0),
    citation="D. Soudry et al., The implicit bias of gradient descent on separable data, 2018 (arXiv:1710.10345).",
    data=SIDES,
))

register(Landscape(
    name="tanh_neuron",
    formula="mean((z - t)^2); z = tanh(x*u + y*v)",
    title="A neuron with tanh",
    sentence="Far out the neuron is saturated and the loss flat along every ray; no point is the lowest.",
    window=(-5.0, 5.0, -5.0, 5.0),
    start=(-3.0, 2.0),
    citation="Two weights, six points.",
    data=SIDES,
))

register(Landscape(
    name="relu_neuron",
    formula="mean((z - t)^2)/2; z = relu(x*u + y*v)",
    title="A neuron with relu",
    sentence="Where the neuron is silent on every point the gradient is zero; kinks lie where a point falls silent.",
    window=(-2.5, 2.5, -2.5, 2.5),
    start=(-0.6, 1.7),
    minima=((0.55, 0.85),),
    citation="Two weights, six points.",
    data=(*POINTS[:2], ("t", (1.0, 0.0, 0.0, 0.0, 1.4, 0.2))),
))

register(Landscape(
    name="scaled_tanh",
    formula="mean((z - t)^2)/2; z = y*tanh(x*u)",
    title="y·tanh(x·u)",
    sentence="An inner and an outer weight: two valleys that are one another's mirror image, and a saddle between them.",
    window=(-3.0, 3.0, -3.0, 3.0),
    start=(2.4, -1.6),
    minima=((1.253042, 1.188193), (-1.253042, -1.188193)),
    citation="A network of one hidden unit.",
    data=BENT,
))

register(Landscape(
    name="two_layer_linear",
    formula="mean((z - t)^2)/2; z = x*y*u",
    title="Two linear layers on data",
    sentence="Only the product of the weights counts: a hyperbola of minima, sharp at its ends and flat in its middle.",
    window=(-2.5, 2.5, -2.5, 2.5),
    start=(2.2, -0.4),
    minima=((0.933061, 0.933061), (-0.933061, -0.933061)),
    citation="A. M. Saxe, J. L. McClelland, S. Ganguli, 2014 (arXiv:1312.6120).",
    data=LINE,
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
    formula="mean(z^2)/2; z = x*(u + m) + y; m = 3 in [0, 10]",
    title="Regression on uncentred inputs",
    sentence="An input mean of m makes one eigenvalue of the Hessian an outlier; centring removes it.",
    window=(-2.0, 2.0, -2.0, 2.0),
    start=(-1.2, 1.4),
    minima=((0.0, 0.0),),
    citation="R. Grosse, Topics in machine learning: neural net training dynamics, chapter 1.",
    data=(("u", STANDARD),),
))
