"""A scene as Python source that rebuilds it and its numbers."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from app.scene.schema import Scene


def to_python(scene: Scene) -> str:
    """A script that rebuilds the scene and its numbers."""
    fields = {f.name: getattr(scene, f.name) for f in msgspec.structs.fields(Scene)}
    fields = {name: value for name, value in (fields | {"starts": scene.points}).items() if value != _default(Scene, name)}
    kinds = {Scene, *(kind for value in fields.values() for kind in _kinds(value))}
    schedules = sorted(kind.__name__ for kind in kinds if kind.__module__ == "dynamics.schedules")
    own = sorted(kind.__name__ for kind in kinds if kind.__name__ not in schedules)
    lines = [f"from app import {', '.join([*own, 'simulate'])}"]
    lines += [f"from dynamics.schedules import {', '.join(schedules)}"] if schedules else []
    lines += ["", "scene = Scene("]
    lines += [f"    {name}={_literal(value, 4)}," for name, value in fields.items()]
    lines += [")", "for run in simulate(scene).runs:", "    for path in run.paths:"]
    lines += ["        print(run.label, path.status, path.x[-1], path.y[-1], path.loss[-1])"]
    return "\n".join(lines) + "\n"


def _kinds(value: Any) -> Iterator[type[Struct]]:
    """The kinds of everything that a value is built of."""
    if isinstance(value, Struct):
        yield type(value)
        value = tuple(getattr(value, f.name) for f in msgspec.structs.fields(type(value)))
    if isinstance(value, tuple):
        for item in value:
            yield from _kinds(item)


def _default(kind: type[Struct], name: str) -> Any:
    field = next(f for f in msgspec.structs.fields(kind) if f.name == name)
    return field.default_factory() if callable(field.default_factory) else field.default


def _literal(value: Any, indent: int) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        inner = " " * (indent + 4)
        return "(\n" + "".join(f"{inner}{_literal(item, indent + 4)},\n" for item in value) + " " * indent + ")"
    if isinstance(value, Struct):
        kept = {f.name: getattr(value, f.name) for f in msgspec.structs.fields(type(value))}
        shown = {name: v for name, v in kept.items() if v != _default(type(value), name)}
        return f"{type(value).__name__}({', '.join(f'{name}={_literal(v, indent)}' for name, v in shown.items())})"
    return repr(value)
