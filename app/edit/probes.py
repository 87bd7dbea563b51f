"""Changes of units in which every run of a scene can be seen beside itself."""

from collections.abc import Callable
from typing import Any, NamedTuple

from app.scene import Scene
from dynamics.images import Units


class Probe(NamedTuple):
    words: str
    short: str
    """what an image is called after its run's name"""
    units: Callable[[Scene], Units]

    def changes(self, scene: Scene) -> dict[str, Any]:
        """The fields of an image's run."""
        plain = Units()._asdict()
        return {name: value for name, value in self.units(scene)._asdict().items() if value != plain[name]}


PROBES = {
    "tiny": Probe("the loss times 10⁻⁸", "loss × 10⁻⁸", lambda scene: Units(loss_scale=1e-8)),
    "large": Probe("the loss times 10", "loss × 10", lambda scene: Units(loss_scale=10.0)),
    "sum": Probe("the sum instead of the mean", "sum", lambda scene: Units(loss_scale=float(scene.field.rows))),
    "longer": Probe("weights in units 3 times as long", "longer units", lambda scene: Units(weights_scale=3.0)),
    "turned": Probe("the axes turned by 30°", "turned", lambda scene: Units(rotate=30.0)),
    "stretched": Probe("one axis in units twice as long", "stretched", lambda scene: Units(stretch=(2.0, 1.0))),
}
