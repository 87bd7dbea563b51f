"""What every test shares: the registries' members as parameters, and exported source that runs."""

import importlib.util
import itertools

import pytest
from hypothesis import settings

from dynamics import RULES, SCHEDULES
from landscapes import LANDSCAPES

settings.register_profile("zoomout", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("zoomout")

REGISTRIES = {"landscape": LANDSCAPES, "rule": RULES, "schedule": SCHEDULES}


def pytest_generate_tests(metafunc):
    """A test that asks for `landscape`, `rule`, `schedule` or `invariant` is a law about every one of them."""
    for name, registry in REGISTRIES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, registry.values(), ids=registry.keys())
    if "invariant" in metafunc.fixturenames:
        chosen = {name: each for name, each in LANDSCAPES.items() if each.scale_invariant}
        metafunc.parametrize("invariant", chosen.values(), ids=chosen.keys())


@pytest.fixture
def imported(tmp_path):
    """Source text as an imported module."""
    names = (f"exported_{i}" for i in itertools.count())

    def load(source):
        name = next(names)
        file = tmp_path / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
