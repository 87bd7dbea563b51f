"""What tests share: the registries' members as parameters, exported source that runs, a running app and a browser."""

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

OWN = ("http://127.0.0.1", "file:", "data:", "blob:", "about:")
"""how addresses begin that a page may ask"""


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


@pytest.fixture(scope="module")
def browser():
    from browser import ARGUMENTS, chromium
    from playwright.sync_api import sync_playwright

    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(browser):
    """Where a freshly started app answers."""
    from browser import serving

    with serving() as address:
        yield address


@pytest.fixture
def page(browser):
    """A browser's page on a laptop's screen; it must not throw, and must not ask another host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    faults, foreign = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(OWN) else foreign.append(request.url))
    yield page
    context.close()
    assert faults == [], "the page threw"
    assert foreign == [], "the page asked another host"
