"""One visitor's work on one page: the scene, what is shown of it, and what was refused.

Every door (a control, a drag on the stage, a link, a file) ends in `Bench.adopt`: a scene that cannot be simulated is
refused in one sentence beside the control, and the last good picture stays. It also stays, and says so, while the paths
of a new scene are being computed.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from app.answer.result import Result, simulate, twin_of
from app.chart import subject
from app.edit.edits import edit
from app.edit.history import History, Place
from app.edit.nearest import Nearest, nearest
from app.gallery.presets import Preset
from app.laboratory.desk import Desk
from app.laboratory.stream import Stream
from app.machine.gate import GATE
from app.scene import Scene, SceneError
from app.scene.charts import check_large
from app.scene.checks import check_budget
from dynamics.cancel import Cancelled

log = logging.getLogger("zoomout")
HEAVY = 5000
"""recorded points from which a dragged scene waits with its horizon of trust"""
FIRST_WAIT, NEXT_WAIT = 0.6, 0.5
"""seconds that an answer waits for paths before it shows the ones before, and for them to come when the page asks again"""
Change = Callable[[Scene], Scene]


@dataclass
class Refusal:
    """What was typed, and why it was not taken."""

    typed: Any
    sentence: str
    nearest: Nearest | None = None
    sought: bool = False


@dataclass
class Paths:
    """Paths that are computed behind the page; those of the scene before are shown until they have come."""

    shown: Result | None = None
    wanted: tuple[Scene, bool] | None = None
    """the scene, and whether with the horizon of trust"""
    stream: Stream | None = None

    def want(self, scene: Scene, horizon: bool) -> None:
        """Begins on a scene's paths and waits a moment for them. Raises what is wrong, and then changes nothing."""
        if self.wanted == (scene, horizon):
            return
        stream = Stream(lambda cancel: (simulate(scene, horizon) for _ in range(1)))
        with GATE.light(stream.job):
            found = stream.newest(0, FIRST_WAIT)
        if found.error is not None:
            raise found.error
        self.stop()
        self.wanted, self.stream = (scene, horizon), stream
        self.shown = found.thing or self.shown

    def look(self, wait: float) -> bool:
        """Takes the paths if they have come, and says whether they are still to come. Raises what is wrong with them."""
        if self.stream is None:
            return False
        found = self.stream.newest(0, wait)
        self.shown = found.thing or self.shown
        if not found.more:
            self.stream = None
        if isinstance(found.error, Cancelled):  # nobody was there for a while
            self.wanted = None
            return True
        if found.error is not None:
            raise found.error
        return found.more

    def stop(self) -> None:
        if self.stream is not None:
            self.stream.stop()
        self.stream = self.wanted = None


class Bench:
    def __init__(self, scene: Scene, preset: str = ""):
        self.history = History(Place(scene, preset, scene))
        self.paths = Paths()
        self.desk = Desk()
        self.edit_seq = self.request_id = 0
        self.take = 0
        """counts the experiments: a new one starts the playback afresh, a dragged slider does not"""
        self.moving = False
        """something is being dragged: a coarser frame will do until it is let go"""
        self.patient = False
        """the page asked for what it still waits for"""
        self.waits = ""
        """what is being computed, in words"""
        self.dialog = ""
        """the dialog that is open; what is shown under it is not made finer meanwhile"""
        self.refused: dict[str, Refusal] = {}
        self.notice = ""
        self.elsewhere: tuple[str, Scene, str] | None = None
        """a scene that is to be opened on another page, and what it is"""
        self._drawn: Scene | None = None
        self._changed = ""

    @property
    def scene(self) -> Scene:
        return self.history.here.scene

    @property
    def preset(self) -> str:
        """The name of the preset that the scene came from, if it came from one."""
        return self.history.here.preset

    # ---- changes ----

    def adopt(self, change: Change, control: str = "", typed: Any = None, opened: str | None = None) -> str:
        """Tries a change. Returns "" or, if it is refused, the sentence, which is remembered for its control.

        `opened` names the preset of a scene that was not changed but opened, or is "" for one that has none.
        """
        try:
            scene = change(self.scene)
            _check_page(scene)
            _check_twins(scene)
            if opened is None:
                scene = unsaid(scene, self.history.here.origin)
            self._begin(scene)
        except SceneError as error:
            return self._refuse(control, typed, error.message + (f" (column {error.column})" if error.column else ""))
        except Exception as error:  # a visitor never sees a traceback
            log.exception("a scene failed")
            return self._refuse(control, typed, f"This did not work ({type(error).__name__}); the last good picture stays.")
        here = self.history.here
        place = Place(scene, here.preset, here.origin) if opened is None else Place(scene, opened, scene)
        self.history.put(place, control if opened is None else "", self.moving)
        self.refused.pop(control, None)
        if opened is not None or control == "landscape":
            self.refused.clear()
        self._changed = control
        return ""

    def _begin(self, scene: Scene) -> None:
        if scene.chart is None:
            heavy = scene.steps * len(scene.points) * len(scene.runs) > HEAVY
            self.paths.want(scene, not (self.moving and heavy))

    def _refuse(self, control: str, typed: Any, sentence: str) -> str:
        self.refused[control] = Refusal(typed, sentence)
        return sentence

    def open_preset(self, preset: Preset) -> None:
        self.adopt(lambda _: preset.scene, "preset", opened=preset.name)

    def reset(self) -> None:
        """Back to the scene that this one was made from."""
        self.adopt(lambda _: self.history.here.origin, opened=self.preset)

    def travel(self, control: str, times: Any) -> None:
        """`undo` or `redo`, so many times."""
        getattr(self.history, control)(int(times))
        self.refused.clear()

    def cancel(self) -> None:
        """Gives up the paths under way: the scene is again the one that is shown."""
        self.paths.stop()
        while self.paths.shown is not None and self.scene != self.paths.shown.scene and self.history.past:
            self.history.undo()

    # ---- what is shown ----

    def look(self) -> Result | None:
        """The paths to show, or None for a chart and until there are any. `waits` says what is still to come."""
        wait, self.patient, self.waits = NEXT_WAIT * self.patient, False, ""
        if self.scene.chart is not None:
            self.paths.stop()
            self._draws(self.scene)
            return None
        try:
            self._begin(self.scene)
            more = self.paths.look(wait)
        except Exception as error:
            sentence = error.message if isinstance(error, SceneError) else f"This did not work ({type(error).__name__})."
            log.log(logging.INFO if isinstance(error, SceneError) else logging.ERROR, "paths failed", exc_info=error)
            self.cancel()
            self._refuse(self._changed, None, sentence)
            more = False
        shown = self.paths.shown
        if shown is not None:
            self._draws(shown.scene)
        if more and not self.dialog:
            self.waits = _waits(self.scene, shown)
        return shown

    def _draws(self, scene: Scene) -> None:
        if self._drawn is not None and _experiment(scene) != _experiment(self._drawn):
            self.take += 1
            self.desk.trail.clear()
        self._drawn = scene

    def cure(self, control: dict[str, Any]) -> dict[str, Any]:
        """What a control shows beside its value where something was refused: the sentence, and what would be taken."""
        refusal = self.refused[control["id"]]
        typed = refusal.typed
        if control["kind"] == "slider" and not refusal.sought:
            refusal.nearest, refusal.sought = nearest(control, typed, self._takes(control["id"])), True
        said = {"error": _in_words(refusal.sentence, control)}
        if isinstance(typed, (str, float, int)) and not isinstance(typed, bool):
            said["typed"] = typed if isinstance(typed, str) else f"{typed:.4g}"
        if refusal.nearest is not None:
            said |= {"cure": refusal.nearest.text, "forbidden": list(refusal.nearest.forbidden)}
        return said

    def _takes(self, control: str) -> Callable[[float], bool]:
        def taken(value: float) -> bool:
            try:
                _check_twins(edit(self.scene, control, value))
            except SceneError:
                return False
            return True

        return taken


def unsaid(scene: Scene, origin: Scene) -> Scene:
    """A changed scene without the words about the one that it was made from; changed back, it has them again."""
    silent = dict(sentence="", caveat="", source="")
    made = replace(scene, **silent)
    return origin if made == replace(origin, **silent) else made


def _check_page(scene: Scene) -> None:
    """A page is asked for less than a shell: others use its server too."""
    if scene.chart is None:
        check_budget(scene, page=True)
    else:
        check_large(scene, page=True)


def _check_twins(scene: Scene) -> None:
    """Whether there is a twin is known without a path."""
    for run in scene.runs:
        if run.twin_of:
            twin_of(scene, run)


def _waits(scene: Scene, shown: Result | None) -> str:
    if shown is None:
        return "Computing the first picture."
    if shown.scene == scene:
        return "Computing how far these numbers can be trusted."
    return "Computing. The picture still shows what was there before."


def _experiment(scene: Scene) -> tuple[Any, ...]:
    rules = tuple((run.rule, run.twin_of) for run in scene.runs)
    starts = len(scene.points) if scene.chart is None else 0  # a portrait with an orbit more is the same portrait
    return scene.landscape, scene.formula, rules, starts, scene.view.panels, scene.title, subject(scene)


PLACE = re.compile(r"^[a-z_]+(\[\d+\])?(\.\w+(\[\d+\])?)*: ")


def _in_words(sentence: str, control: dict[str, Any]) -> str:
    """A sentence as it stands beside a control: the field by its name on the page, and what is still shown."""
    sentence = PLACE.sub(f"{control['label']}: ", sentence) if control.get("label") else sentence
    still = f" Still shown: {control['value']:.4g}." if control["kind"] == "slider" else ""
    return re.sub(r"(?<![\w^])-(?=[\d.])", "−", sentence + still)
