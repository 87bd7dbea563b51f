"""The schema of a scene: landscape, starts, runs, steps, arithmetic and view, in one frozen, versioned value."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, ValidationError, convert, to_builtins
from msgspec.structs import force_setattr

from app.scene.charts import Atlas, Chart, Race, check_chart
from app.scene.checks import check, landscape_of
from app.scene.error import SceneError
from app.scene.presets import PageName
from app.scene.spelling import Spelt
from dynamics import Run as Motion
from dynamics.images import Units
from dynamics.schedules import AnySchedule, Rate
from landscapes import Landscape

VERSION = 1

Label = Annotated[str, Meta(max_length=80)]
Coordinate = Annotated[float, Meta(ge=-1e300, le=1e300)]
Start = tuple[Coordinate, Coordinate]
Arithmetic = Literal["float64", "float32", "certified", "shared"]
ColourMap = Literal["cividis", "viridis", "magma", "gray"]
PARTNERS = ("twin_of", "ghost_of", "flow_of", "image_of")
"""the fields by which a run takes all its numbers from another one"""
ARITHMETICS: tuple[str, ...] = get_args(Arithmetic)
COLOUR_MAPS: tuple[str, ...] = get_args(ColourMap)
StripName = Literal[
    "loss", "best", "norm", "gradient_norm", "step", "turn", "effective_rate", "sharpness", "gap", "flow", "image",
    "lyapunov",
]
STRIPS: tuple[str, ...] = get_args(StripName)
Line = Annotated[str, Meta(max_length=400)]


class Part(Struct, metaclass=Spelt):
    """A scene or a part of one."""


class Run(Part, frozen=True, forbid_unknown_fields=True, omit_defaults=True, repr_omit_defaults=True, kw_only=True):
    """One run: a rule with its rates. The rule's own hyperparameters stand beside these fields in a file."""

    label: Label = ""
    rule: str = "gd"
    learning_rate: Rate | AnySchedule = 0.1
    weight_decay: Rate | AnySchedule = 0.0
    clip_norm: Annotated[float, Meta(gt=0, le=1e300)] | None = None
    noise: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    knob_noise: dict[str, Annotated[float, Meta(ge=0, le=1e6)]] = {}
    """standard deviations of noise on knobs of the loss, drawn anew at each step"""
    batch: Annotated[int, Meta(ge=1, le=64)] | None = None
    """so many rows of the data are drawn anew at each step, none twice; all of them by default"""
    twin_of: Label | None = None
    ghost_of: Label | None = None
    """the same run, started one unit in the last place away"""
    flow_of: Label | None = None
    """the gradient flow under that run"""
    image_of: Label | None = None
    """the same run with the loss and the weights in other units, drawn where it would be in these: see `units`"""
    loss_scale: Annotated[float, Meta(ge=1e-30, le=1e30)] = 1.0
    weights_scale: Annotated[float, Meta(ge=1e-30, le=1e30)] = 1.0
    rotate: Annotated[float, Meta(ge=-360, le=360)] = 0.0
    stretch: tuple[Annotated[float, Meta(ge=1e-6, le=1e6)], Annotated[float, Meta(ge=1e-6, le=1e6)]] = (1.0, 1.0)
    colour: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")] | None = None
    hyperparameters: dict[str, float | bool] = {}

    @property
    def motion(self) -> Motion:
        """The run as the dynamics knows it."""
        rates = self.learning_rate, self.weight_decay
        return Motion(
            self.rule, *rates, self.hyperparameters, self.clip_norm, self.noise, knob_noise=self.knob_noise,
            batch=self.batch or 0,
        )  # fmt: skip

    @property
    def units(self) -> Units:
        """Of an image, what the loss and the weights are measured in."""
        return Units(self.loss_scale, self.weights_scale, self.rotate, self.stretch)

    @property
    def named(self) -> dict[str, str]:
        """The run that this one is the twin, the ghost, the flow or the image of: field and label, of at most one."""
        return {kind: name for kind in PARTNERS if (name := getattr(self, kind)) is not None}

    def __hash__(self) -> int:
        # a schedule may hold lists, so the rates are left to equality
        return hash((self.label, self.rule, *self.named.items(), self.clip_norm, self.noise))


class View(Part, frozen=True, forbid_unknown_fields=True, omit_defaults=True, repr_omit_defaults=True, kw_only=True):
    """How it is looked at. Everything has a sensible default."""

    window: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None
    colour_map: ColourMap = "cividis"
    quiver: bool = True
    contours: bool = False
    panels: Literal["auto", "one", "two", "three", "projected", "portrait", "sharpness", "gradient_norm"] = "auto"
    camera: Literal["zoom", "fixed"] = "zoom"
    trails: bool = True
    """False for a cloud: of every path only where it is"""
    theme: Literal["light", "dark"] = "light"
    seconds: Annotated[float, Meta(gt=0, le=600)] = 11.0
    at: Annotated[float, Meta(ge=0)] | None = None
    """the moment at which it stands when it is opened, and that a picture shows"""
    play: bool = True
    """whether it plays when it is opened"""
    strips: tuple[StripName, ...] | None = None
    """the small charts under the picture; those that say something, unless they are named"""
    strip_scale: Literal["auto", "log", "linear"] = "auto"
    future: bool = True
    """whether strips show what is still to come"""


class Scene(Part, frozen=True, forbid_unknown_fields=True, omit_defaults=True, repr_omit_defaults=True, kw_only=True):
    """A complete experiment. `landscape` names a built-in loss; `formula` writes one; exactly one of the two."""

    version: Literal[1] = VERSION
    title: Annotated[str, Meta(max_length=200)] = ""
    sentence: Line = ""
    """what to watch, in one line under the title"""
    caveat: Line = ""
    """what the picture does not show"""
    source: Line = ""
    page: PageName | None = None
    """where it is opened; by default where its kind is"""
    topics: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=8)] = ()
    landscape: str | None = None
    formula: str | None = None
    data: dict[Annotated[str, Meta(max_length=32)], tuple[float, ...]] = {}
    """columns of equal length that `mean` and `sum` of the formula run over; a built-in loss may bring its own"""
    starts: Annotated[tuple[Start, ...], Meta(min_length=1, max_length=256)] | None = None
    steps: Annotated[int, Meta(ge=1)] = 300
    arithmetic: Arithmetic = "float64"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    knobs: dict[str, float] = {}
    runs: Annotated[tuple[Run, ...], Meta(min_length=1, max_length=12)] = (Run(),)
    view: View = View()
    chart: Chart | None = None
    """shown instead of the paths"""

    def __post_init__(self) -> None:
        for name in ("runs", "starts", "topics"):  # written by hand they may be lists
            if isinstance(getattr(self, name), list):
                force_setattr(self, name, tuple(map(_frozen, getattr(self, name))))
        if any(isinstance(column, list) for column in self.data.values()):
            force_setattr(self, "data", {name: _frozen(column) for name, column in self.data.items()})
        check_types(self)
        check(self)
        check_chart(self)

    def __hash__(self) -> int:
        what = (self.landscape, self.formula, self.starts, self.steps, self.seed, self.arithmetic, self.runs, self.chart)
        return hash(what)

    @property
    def field(self) -> Landscape:
        """The landscape itself, with its knobs' ranges and its data."""
        return landscape_of(self.landscape, self.formula, tuple(self.knobs.items()), tuple(self.data.items()))

    @property
    def shown_on(self) -> str:
        """The page that shows it: its own choice, or that of its kind."""
        if self.page is not None:
            return self.page
        if self.chart is not None:
            return "atlas" if isinstance(self.chart, Atlas) else "normalisation" if isinstance(self.chart, Race) else "chaos"
        if any(run.image_of for run in self.runs):
            return "normalisation"
        return "zoom-out" if any(run.twin_of for run in self.runs) else "explore"

    @property
    def points(self) -> tuple[Start, ...]:
        return self.starts or (self.field.start,)

    @property
    def labels(self) -> list[str]:
        """The runs' labels; a run without one is called by its rule."""
        names = [run.label or _unnamed(run) for run in self.runs]
        made: list[str] = []
        for i, name in enumerate(names):
            numbered = (f"{name} {k}" for k in range(1, len(names) + 2))
            made.append(name if names.count(name) == 1 else next(n for n in numbered if n not in made + names[i + 1 :]))
        return made

    def partner(self, run: Run) -> Run | None:
        """The run that this one is the twin, the ghost, the flow or the image of."""
        return next((self.runs[self.labels.index(name)] for name in run.named.values()), None)


def _frozen(item: object) -> object:
    return tuple(item) if isinstance(item, list) else item


class _Typed(Scene, frozen=True):
    """The same fields, whose types alone are looked at."""

    def __post_init__(self) -> None:
        pass


def check_types(scene: Scene) -> None:
    """Refuses in a sentence what Python lets through: a rate below zero, three numbers as a start, a run that is text."""
    if type(scene) is not Scene:
        return
    try:
        convert(to_builtins(scene), _Typed, strict=False)
    except (ValidationError, TypeError) as error:
        reason = str(error).replace("`", "").replace("$.", "")
        raise SceneError("scene", f"This is no scene: {reason[:1].lower()}{reason[1:]}.") from None


def _unnamed(run: Run) -> str:
    return next((f"{kind.removesuffix('_of')} of {name}" for kind, name in run.named.items()), run.rule)
