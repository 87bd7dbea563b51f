"""What every test shares: the registries' members as parameters, and exported source that runs."""

import importlib.util
import itertools

import pytest
from hypothesis import settings

from dynamics import RULES, SCHEDULES
from landscapes import LANDSCAPES

settings.register_profile("zoomout", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("zoomout")

FAMILIES = {
    "landscape": LANDSCAPES,
    "invariant": {name: each for name, each in LANDSCAPES.items() if each.scale_invariant},
    "rule": RULES,
    "covariant": {name: each for name, each in RULES.items() if each.covariant and each.after is None},
    "schedule": SCHEDULES,
}


def pytest_generate_tests(metafunc):
    """A test that asks for a member of a family is a law about every one of them."""
    for name, family in FAMILIES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, family.values(), ids=family.keys())


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
