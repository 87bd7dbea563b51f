"""The house itself: three rooms and one direction, nothing that runs text, a wheel that holds what the page needs."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from app.wire.bundle import bundled

ROOT = Path(__file__).parents[1]
ROOMS = ("landscapes", "dynamics", "app")  # each may look at those before it
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
SCRIPTS = sorted(file for file in (ROOT / "app").rglob("*.js"))


def name(file):
    return str(file.relative_to(ROOT))


@pytest.fixture(params=FILES, ids=name)
def module(request):
    return request.param, ast.parse(request.param.read_text("utf-8"))


def imports(tree):
    """(module, name) of everything a file imports, at its top or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "import absolutely across the house"
            yield from ((node.module, alias.name) for alias in node.names)


def test_imports_point_down(module):
    file, tree = module
    here = ROOMS.index(file.relative_to(ROOT).parts[0])
    for source, _ in imports(tree):
        room = source.partition(".")[0]
        assert room not in ROOMS or ROOMS.index(room) <= here, f"{name(file)} imports {source}"


FLOORS = (
    "scene", "machine", "answer", "picture", "wire", "stage", "chart", "drawing", "film", "gallery", "story", "edit",
    "laboratory", "views", "command",
)  # fmt: skip
"""the rooms of app/ from the ground up; canvas and rail hold scripts alone"""
DOORS = {"__init__.py", "__main__.py", "streamlit_app.py", "style.css", "package.json"}


def test_the_rooms_of_the_app_look_down_only(module):
    file, tree = module
    room, *inner = file.relative_to(ROOT).parts
    if room != "app" or inner[0] in DOORS:
        return
    here = FLOORS.index(inner[0])
    for source, imported in imports(tree):
        parts = [*source.split("."), imported]
        if parts[0] == "app" and parts[1] != "__version__":
            assert FLOORS.index(parts[1]) <= here, f"{name(file)} looks up to {source}"


def test_at_the_top_of_the_app_are_its_doors():
    there = {each for each in (ROOT / "app").iterdir() if each.name not in ("__pycache__", ".streamlit")}
    assert {each.name for each in there if each.is_file()} == DOORS
    assert {each.name for each in there if each.is_dir()} == {*FLOORS, "canvas", "rail"}


def test_no_room_reads_another_rooms_private_names(module):
    file, tree = module
    here = file.relative_to(ROOT).parts[0]
    for source, imported in imports(tree):
        parts = [*source.split("."), *([imported] if imported else [])]
        if parts[0] in ROOMS and parts[0] != here:
            assert not any(part.startswith("_") and not part.startswith("__") for part in parts), f"{name(file)}: {parts}"


def test_only_the_app_draws(module):
    file, tree = module
    room = file.relative_to(ROOT).parts[0]
    if room != "app":
        for source, _ in imports(tree):
            assert source.partition(".")[0] not in {"streamlit", "matplotlib", "plotly", "av"}, name(file)


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "yaml", "sympy", "numexpr", "asteval"}
FORBIDDEN_FLAGS = {"allow_pickle", "unsafe_allow_html", "unsafe_allow_javascript", "shell"}


def test_nothing_runs_text_or_unpacks_objects(module):
    file, tree = module
    for source, _ in imports(tree):
        assert source.partition(".")[0] not in FORBIDDEN_MODULES, name(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            assert called not in FORBIDDEN_CALLS, f"{name(file)}:{node.lineno} calls {called}"
            flags = {keyword.arg for keyword in node.keywords if not is_false(keyword.value)}
            assert not flags & FORBIDDEN_FLAGS, f"{name(file)}:{node.lineno} sets {flags & FORBIDDEN_FLAGS}"


def is_false(node):
    return isinstance(node, ast.Constant) and node.value is False


def test_markup_from_data_never_reaches_the_page(module):
    """st.html takes a constant or a file of the house, never text that somebody wrote."""
    file, tree = module
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "html":
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "st":
                assert isinstance(node.args[0], ast.Constant) or (
                    isinstance(node.args[0], ast.Name) and node.args[0].id.isupper()
                ), f"{name(file)}:{node.lineno}"


FORBIDDEN_SCRIPT = [
    r"\beval\s*\(", r"\bnew\s+Function\b", r"document\.write", r"\bimportScripts\b", r"\bfetch\s*\(", r"XMLHttpRequest",
    r"sendBeacon", r"\bWebSocket\b", r"\.innerHTML\s*=", r"\.outerHTML\s*=", r"insertAdjacentHTML",
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_scripts_run_no_text_and_call_no_other_host(script):
    text = script.read_text("utf-8")
    for pattern in FORBIDDEN_SCRIPT:
        assert not re.search(pattern, text), f"{name(script)}: {pattern}"
    hosts = set(re.findall(r"https?://([\w.]+)", text))
    assert hosts <= {"www.w3.org"}, hosts  # the names of SVG and MathML


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_a_bundled_script_imports_nothing_and_names_nothing_twice(script):
    text = bundled(script)
    assert not re.search(r"^import\b", text, re.MULTILINE)
    declared = re.findall(r"^(?:export )?(?:const|let|class|(?:async )?function)\b ?(\{[^}]*\}|[\w$]+)", text, re.MULTILINE)
    names = [each for found in declared for each in re.findall(r"[\w$]+", found)]
    assert names and not {each for each in names if names.count(each) > 1}


@pytest.mark.parametrize("sheet", sorted((ROOT / "app").rglob("*.css")), ids=name)
def test_style_sheets_fetch_nothing(sheet):
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:|#)", bundled(sheet))


def test_no_file_hides_a_package_from_streamlit():
    """Streamlit puts app/ first on the path, so a file with a room's name there would hide the room."""
    assert not [file for room in ROOMS for file in (ROOT / "app" / f"{room}.py", ROOT / "app" / room) if file.exists()]


# ---------------------------------------------------------------------------------------------------------------------
# What is delivered


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_three_rooms(wheel):
    there = {entry for entry in wheel.namelist() if ".dist-info/" not in entry}
    files = (
        file for room in ROOMS for file in (ROOT / room).rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )
    assert there == {name(file) for file in files if not file.name.endswith(".partial")}
    drawn = {f"app/{folder}/{folder}.{kind}" for folder in ("stage", "chart", "rail") for kind in ("js", "css")}
    assert {"app/.streamlit/config.toml", "app/canvas/canvas.js", "app/canvas/canvas.css"} | drawn <= there


def test_the_wheel_gives_the_zoomout_command_and_its_licence(wheel):
    entries = {entry.partition(".dist-info/")[2]: entry for entry in wheel.namelist() if ".dist-info/" in entry}
    assert "zoomout = app.__main__:main" in wheel.read(entries["entry_points.txt"]).decode()
    assert "Apache License" in wheel.read(entries["licenses/LICENSE"]).decode()
    assert "Private :: Do Not Upload" in wheel.read(entries["METADATA"]).decode()


def test_the_lock_holds_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    assert {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in asked} <= {each.lower() for each in locked}


def test_version_licence_and_citation_agree():
    from app import __version__

    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {__version__}\n" in citation and "license: Apache-2.0" in citation
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_what_the_readme_shows_is_true(tmp_path):
    """Its Python runs, its scene is accepted, and the files and targets that it names exist."""
    readme = (ROOT / "README.md").read_text("utf-8")
    [python] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    scene, *tables = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    script = tmp_path / "readme.py"
    script.write_text(python, "utf-8")
    subprocess.run(
        [sys.executable, script], cwd=tmp_path, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120
    )
    assert [file.suffix for file in tmp_path.iterdir() if file != script]

    from app.scene import read

    assert read(scene).runs
    for table in tables:
        assert read(table if table.startswith("formula") else f"{scene}\n{table}") != read(scene)
    targets = re.findall(r"make (\w+)", readme)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets and all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    for link in re.findall(r"\]\((?!http)([^)#]+)\)|src=\"(?!http)([^\"]+)\"", readme):
        path = next(filter(None, link))
        assert (ROOT / path).exists(), path
