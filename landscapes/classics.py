"""The test functions that everybody knows, for racing rules against each other."""

from landscapes.landscape import Landscape, register

register(Landscape(
    name="quadratic",
    formula="(x^2 + h*y^2)/2; h = 10 in [0.1, 100] log",
    title="Quadratic valley",
    sentence="One steep and one gentle direction; stable only while η times the larger curvature stays below 2.",
    window=(-1.5, 1.5, -1.5, 1.5),
    start=(1.03, -0.77),
    minima=((0.0, 0.0),),
    citation="The local picture of every smooth minimum.",
))

register(Landscape(
    name="floored_quadratic",
    formula="(x^2 + 0.3*y^2)/2 + c; c = 0.1 in [0, 1]",
    title="Quadratic with a floor",
    sentence="A loss that does not reach zero: dividing by the loss then converges only while η·h/c < 2.",
    window=(-1.5, 1.5, -1.5, 1.5),
    start=(1.0, 0.5),
    minima=((0.0, 0.0),),
    citation="The unit-normalised loss on a quadratic with a floor.",
))

register(Landscape(
    name="rosenbrock",
    formula="(1 - x)^2 + 100*(y - x^2)^2",
    title="Rosenbrock's banana",
    sentence="A curved valley that is easy to find and slow to follow.",
    window=(-2.0, 2.0, -1.0, 3.0),
    start=(-1.2, 1.0),
    minima=((1.0, 1.0),),
    citation="H. H. Rosenbrock, 1960, doi:10.1093/comjnl/3.3.175.",
))

register(Landscape(
    name="beale",
    formula="(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
    title="Beale",
    sentence="Flat shelves and steep corners; the stage of a famous race between Adam and AdaBelief.",
    window=(-4.0, 4.0, -4.0, 4.0),
    start=(-2.5, -2.5),
    minima=((3.0, 0.5),),
    citation="E. M. L. Beale, 1958; the race: J. Zhuang et al., AdaBelief, 2020 (arXiv:2010.07468).",
))

register(Landscape(
    name="himmelblau",
    formula="(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    title="Himmelblau",
    sentence="Four equal minima: which one is reached depends on the start and the rule.",
    window=(-5.0, 5.0, -5.0, 5.0),
    start=(-0.5, -0.8),
    minima=((3.0, 2.0), (-2.805118, 3.131312), (-3.77931, -3.283186), (3.584428, -1.848127)),
    citation="D. M. Himmelblau, Applied Nonlinear Programming, 1972.",
))

register(Landscape(
    name="rastrigin",
    formula="20 + x^2 - 10*cos(tau*x) + y^2 - 10*cos(tau*y)",
    title="Rastrigin",
    sentence="A bowl full of dimples; small steps are caught by the nearest one.",
    window=(-5.12, 5.12, -5.12, 5.12),
    start=(-3.3, 2.4),
    minima=((0.0, 0.0),),
    citation="L. A. Rastrigin, 1974.",
))
