"""Losses that see only the angle: the subject of the whole house."""

from landscapes.landscape import Landscape, register

WHEEL = (-1.8, 1.8, -1.8, 1.8)

register(Landscape(
    name="five_wells",
    formula="0.8 + 0.5*cos(2*theta + 1) - 0.4*cos(3*theta + 2.5) + 0.4*cos(5*theta)",
    title="Five wells",
    sentence="Five valleys of different depth run out from the origin; only the direction of the weights counts.",
    window=WHEEL,
    start=(-0.7, 0.7),
    minima=((0.681551, 0.731771), (-0.047744, 0.99886), (-0.991069, -0.13335), (-0.352531, -0.9358), (0.75546, -0.655195)),
    citation="After the figures of F. Huszár, Exponentially growing learning rate?, 2019; the formula is our own.",
))

register(Landscape(
    name="quotient",
    formula="x^2/(x^2 + y^2)",
    title="x²/(x²+y²)",
    sentence="The smallest loss that ignores length; with weight decay its map preserves an area and never settles.",
    window=WHEEL,
    start=(-0.7, 0.7),
    minima=((0.0, 1.0), (0.0, -1.0)),
    citation="Z. Li, S. Arora et al., Mismatches between conventional views of optimization and deep learning, 2020.",
))

register(Landscape(
    name="rotated_quotient",
    formula="cos(theta - phi)^2; phi = 1 in [0, 3.2]",
    title="x²/(x²+y²), rotated",
    sentence="The same loss turned by φ: rounding now reaches both coordinates, and float64 is trusted less long.",
    window=WHEEL,
    start=(-0.7, 0.7),
    minima=((-0.841471, 0.540302), (0.841471, -0.540302)),
    citation="A rotation of x²/(x²+y²).",
))

for wells, behaviour in {
    1: "it bursts for ever: f⁗/f″ = -1",
    2: "the map preserves an area: f⁗/f″ = -4",
    3: "it settles on a two-cycle: f⁗/f″ = -9",
    5: "it settles quickly: f⁗/f″ = -25",
}.items():
    register(Landscape(
        name=f"cosine_wells_{wells}",
        formula="-cos(theta)" if wells == 1 else f"-cos({wells}*theta)",
        title="One cosine well" if wells == 1 else f"{wells} cosine wells",
        sentence=f"With a little weight decay {behaviour}.",
        window=WHEEL,
        start=(-0.7, 0.7),
        minima=((1.0, 0.0),),
        citation="The criterion f⁗/f″ < -4 for a settling two-cycle is derived in this project.",
    ))
