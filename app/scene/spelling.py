"""Fields that people spell otherwise, in a file or as an argument, and the ones that they mean."""

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

from app.scene.error import SceneError

MEANT = {
    "lr": "learning_rate", "eta": "learning_rate", "step_size": "learning_rate", "wd": "weight_decay", "lam": "weight_decay",
    "lambda": "weight_decay", "optimizer": "rule", "optimiser": "rule", "algorithm": "rule", "name": "label",
    "color": "colour", "start": "starts", "x0": "starts", "iterations": "steps", "epochs": "steps", "loss": "landscape",
    "precision": "arithmetic", "dtype": "arithmetic", "clip": "clip_norm", "beta1": "b1", "beta2": "b2", "epsilon": "eps",
    "gamma": "momentum", "mu": "momentum", "sigma": "noise",
}  # fmt: skip
"""what people call fields elsewhere"""


def perhaps(name: str, known: Iterable[str]) -> str | None:
    """The field that a misspelt or foreign name stands for, as a hint."""
    known = list(known)
    wanted = MEANT.get(name.lower())
    near = [wanted] if wanted in known else difflib.get_close_matches(name.lower(), known, 1)
    return f"perhaps {near[0]}" if near else None


def field_names(kind: type) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind)]


class Spelt(type(msgspec.Struct)):
    """The class of scenes and their parts: an argument that there is not is refused in the words of a file's field."""

    def __call__(cls, *values: Any, **fields: Any) -> Any:
        known = cls.__struct_fields__
        if values:
            raise SceneError("scene", f"A {cls.__name__} takes its fields by name, such as {known[0]}=...")
        for name in fields:
            if name not in known:
                hint = perhaps(name, known) or f"there are {', '.join(known)}"
                raise SceneError("scene", f"A {cls.__name__} has no field called '{name}'; {hint}.")
        return super().__call__(**fields)
