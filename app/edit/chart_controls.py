"""The rail beside a chart: what it shows, along which axes, and the run behind it."""

from app.chart import sides
from app.edit.controls import (
    Control,
    Group,
    group,
    landscape_group,
    more_run_controls,
    name_control,
    note,
    run_controls,
    select,
    slider,
    time_group,
)
from app.scene import Atlas, Averages, Distances, Ensemble, Orbits, Portrait, Race, Scene, Sweep
from app.scene.charts import side
from dynamics.atlas import can_vary
from dynamics.orbits import WATCHED
from dynamics.rules import RULES, Knob
from dynamics.statistics import STATISTICS

PARTICLES = Knob(1000, 100_000, "How many particles each ensemble has.", "N", log=True)
AVERAGED = PARTICLES._replace(high=20_000)
TRIALS = Knob(4, 128, "How many learning rates each run may try.", log=True)
APART = Knob(1, 1000, "How many steps lie between one of the averaged iterates and the next.", log=True)
POINTS = Knob(8, 512, "How many runs stand side by side.", log=True)
REPEATS = Knob(1, 64, "Of so many runs with other noise the median is drawn, and the least and the largest.", log=True)
PART = Knob(0.01, 1.0, "Below 1 the number is read in the middle of the run.")
KEPT = Knob(10, 1000, "How many of the last steps are drawn.", log=True)


def chart_groups(scene: Scene) -> list[Group]:
    made = [landscape_group(scene, only_scale_invariant=not isinstance(scene.chart, (Atlas, Distances, Sweep, Race)))]
    match scene.chart:
        case Atlas():
            made.append(group("The map", [_statistic(scene), *_side(scene, "x", "Across"), *_side(scene, "y", "Up")]))
        case Orbits():
            made.append(group("The diagram", [_watched(scene), *_side(scene, "x", "Across"), _kept(scene)]))
        case Portrait():
            made.append(group("The portrait", [note(f"{len(scene.points)} orbits; click to start another."), _clear(scene)]))
        case Ensemble():
            made.append(group("The ensembles", _crowd(scene)))
        case Distances():
            made.append(group("The particles", [_particles(scene, PARTICLES)]))
        case Race():
            made.append(group("The race", _race(scene)))
        case Sweep():
            made.append(group("The sweep", _sweep(scene)))
        case Averages(apart=apart):
            steps = slider("chart:apart", "Steps between two", apart, APART, whole=True)
            made.append(group("The iterates", [_particles(scene, AVERAGED), steps, _tangential(scene)]))
    made += _runs(scene)
    for part in made:
        part["controls"] = [control for control in part["controls"] if not _moot(scene, control)]
    made.append(time_group(scene, floats=True, steps=not isinstance(scene.chart, Portrait)))
    return made


def _runs(scene: Scene) -> list[Group]:
    """Every run of an ensemble and of distances; of the other charts the one that it is about."""
    many = isinstance(scene.chart, (Ensemble, Distances, Sweep, Race))
    made = []
    for i in range(len(scene.runs)) if many else (_about(scene),):
        own: list[Control | None] = [name_control(scene, i, removable=len(scene.runs) > 1)] if many else []
        made.append(group("" if many and i else "Runs" if many else "The run", [*own, *run_controls(scene, i, list(RULES))]))
        made.append(group(f"More of {scene.labels[i]}", more_run_controls(scene, i), more=f"more:{i}"))
    return made


def _about(scene: Scene) -> int:
    return (side(scene.chart.x).run or 0) if isinstance(scene.chart, (Atlas, Orbits)) else 0


def _moot(scene: Scene, control: Control) -> bool:
    """Whether it would set what varies along an axis: a knob, a rate, or the schedule of that rate."""
    kind, *rest = control.get("id", "").split(":")
    return (kind == "knob" and rest[0] in _varied(scene)) or (kind == "run" and rest[1] in _varied(scene))


def _varied(scene: Scene) -> set[str]:
    """What varies along an axis, and so has no value of its own."""
    texts = [getattr(scene.chart, name, None) for name in "xy"]
    names = {side(text).axis.name for text in texts if text}
    return names | ({"weight_decay"} if "intrinsic" in names else set())


def _statistic(scene: Scene) -> Control:
    options: list[tuple[str, ...]] = [(name, statistic.title) for name, statistic in STATISTICS.items()]
    chosen = STATISTICS[scene.chart.statistic]
    label = "Up" if isinstance(scene.chart, Sweep) else "Colour"
    return select("chart:statistic", label, scene.chart.statistic, options, chosen.sentence)


def _sweep(scene: Scene) -> list[Control | None]:
    chart = scene.chart
    kept = _statistic(scene) if isinstance(chart.statistic, str) else note("Several numbers are kept of each run.")
    return [
        kept, *_side(scene, "x", "Across"), slider("chart:points", "Points", chart.points, POINTS, whole=True),
        slider("chart:repeats", "Repeats with other noise", chart.repeats, REPEATS, whole=True),
        slider("chart:at", "Read after this part of the steps", chart.at, PART),
    ]  # fmt: skip


def _race(scene: Scene) -> list[Control | None]:
    chart = scene.chart
    low, high = chart.target / 1000, max(chart.target * 1000, 1.0)
    target = Knob(low, high, "The loss that is to be reached.", log=True) if chart.target > 0 else None
    return [
        slider("chart:target", "Target loss", chart.target, target) if target else None, *_side(scene, "x", "Rates")[1:],
        slider("chart:trials", "Trials each", chart.trials, TRIALS, whole=True),
    ]  # fmt: skip


def _watched(scene: Scene) -> Control:
    options: list[tuple[str, ...]] = [(name, watched.title) for name, watched in WATCHED.items()]
    return select("chart:watched", "Up", scene.chart.watched, options, "What is drawn of every state.")


def _side(scene: Scene, name: str, label: str) -> list[Control | None]:
    """What varies along a side, and from where to where."""
    given, run = side(getattr(scene.chart, name)), _about(scene)
    names = can_vary(scene.field, scene.runs[run].motion)
    options: list[tuple[str, ...]] = [(n, sides.words_of(scene, run, n)) for n in names]
    scale = sides.unit(given.axis.name)
    ends = f"{given.axis.low * scale:.6g} … {given.axis.high * scale:.6g}".replace("-", "−")
    help = "From where to where: two numbers." + (" The axis is logarithmic." if given.axis.log else "")
    return [
        select(f"chart:{name}", label, given.axis.name, options, sides.knob_of(scene, run, given.axis.name).help),
        {"kind": "entry", "id": f"chart:{name}:range", "label": "from … to", "value": ends, "help": help},
    ]


def _kept(scene: Scene) -> Control:
    return slider("chart:kept", "Steps drawn", scene.chart.kept, KEPT, whole=True)


def _clear(scene: Scene) -> Control:
    return {"kind": "button", "id": "start:clear", "label": "Keep only the first orbit"}


def _crowd(scene: Scene) -> list[Control | None]:
    return [_particles(scene, PARTICLES), _tangential(scene)]


def _particles(scene: Scene, knob: Knob) -> Control:
    return slider("chart:particles", "Particles", scene.chart.particles, knob, whole=True)


def _tangential(scene: Scene) -> Control:
    help = "Along the circle, like the noise of batches whose losses all ignore length; else the same in every direction."
    tangential = {"kind": "toggle", "id": "chart:tangential", "label": "Tangential noise", "value": scene.chart.tangential}
    return tangential | {"help": help}
