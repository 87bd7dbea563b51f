"""The `zoomout` command: the house's door for a shell.

Exit 0: done. Exit 2: the input was refused, one sentence on stderr. Exit 1: the work failed, one sentence on stderr.
Everything heavy (jax, streamlit, matplotlib) is imported inside the command that needs it, so `--help` answers at once.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

from app import __version__
from app.machine import ending

if Path(sys.argv[0]).name in ("zoomout", "zoomout.exe", "__main__.py"):
    ending.at_once()  # while the rest is loaded, too

import typer  # noqa: E402
from typer.exceptions import Abort, TyperException  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoomout"
NAMES = ("app", "dynamics", "landscapes")


class Refused(ValueError):
    """An option that cannot be followed; like the errors of a scene or a formula it has a code and one sentence."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message, self.column = code, message, None


class Failed(RuntimeError):
    """The input was fine and the work was not, in one sentence."""


zoomout = typer.Typer(
    help="Watch an optimizer move on a two-parameter loss. Without a command, the app opens in the browser.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SCENE = typer.Argument(metavar="SCENE", help="A scene file (TOML or JSON), a link, preset:NAME, or - for standard input.")
SceneSource = Annotated[str, SCENE]
ForceFlag = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and leaves with its exit code; no traceback is ever shown (unless ZOOMOUT_DEBUG=1)."""
    def command() -> int:
        return zoomout(arguments, prog_name="zoomout", standalone_mode=False) or 0

    given = sys.argv[1:] if arguments is None else arguments
    try:
        if next((each for each in given if not each.startswith("-")), "app") == "app":
            ending.at_once()
            code = command()
        else:
            code = ending.stoppable(command)
        sys.stdout.flush()
    except (Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if os.environ.get("ZOOMOUT_DEBUG") == "1":
            raise
        code, sentence = _explained(error)
        print(sentence, file=sys.stderr)
    sys.exit(code)


def _explained(error: Exception) -> tuple[int, str]:
    """The exit code and the sentence for an error that reached the shell."""
    if isinstance(error, TyperException):
        return 2, _one_line(error.format_message()).rstrip(".") + "; zoomout --help shows what there is."
    if hasattr(error, "code") and hasattr(error, "message"):  # a scene, a formula or an option that is refused
        return 2, _one_line(error.message)
    if isinstance(error, Failed):
        return 1, _one_line(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        package = {"flint": "python-flint", "PIL": "pillow"}.get(package, package)
        return 1, f"This needs the package {package}, which is not installed: pip install {package}."
    if isinstance(error, OSError):
        return 1, f"{Path(str(error.filename or 'The file')).name}: {(error.strerror or 'it cannot be used').lower()}."
    kind, reason = type(error).__name__, _one_line(str(error))[:200]
    return 1, f"Something went wrong inside zoomout ({kind}: {reason}); ZOOMOUT_DEBUG=1 shows where."


def _one_line(text: str) -> str:
    return " ".join(text.split())


# ---------------------------------------------------------------------------------------------------------------------
# The page


@zoomout.callback(invoke_without_command=True)
def opening(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"zoomout {__version__}")
        raise typer.Exit()
    if "--help" in sys.argv or "-h" in sys.argv:
        return
    _check_names()
    if context.invoked_subcommand is None:
        app()


def _check_names() -> None:
    """Two distributions with one package name are merged into one folder without a warning: stop before that matters.

    To look takes longer than many a command, so it is done once for every change of what is installed.
    """
    folders = [folder for folder in map(Path, sys.path) if next(folder.glob("*.dist-info"), None)]
    state = f"{__version__} {[(str(folder), folder.stat().st_mtime_ns) for folder in folders]}"
    seen = CACHE / f"names-{hashlib.sha256(state.encode()).hexdigest()[:16]}"
    if seen.exists():
        return
    _check_distributions()
    with suppress(OSError):  # it is looked at again next time
        CACHE.mkdir(parents=True, exist_ok=True)
        seen.touch()


def _check_distributions() -> None:
    from importlib.metadata import packages_distributions

    claims = packages_distributions()
    others = {owner for name in NAMES for owner in claims.get(name, []) if owner.lower() != "zoomout"}
    if others:
        raise Refused(
            "name_clash",
            f"{' and '.join(sorted(others))} installs a package with the same name as one of zoomout's (app, dynamics, "
            "landscapes); install zoomout in an environment of its own, for example with: uv tool install .",
        )


@zoomout.command()
def app(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port to listen on.", show_default="8501")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    public: Annotated[
        bool, typer.Option("--public", help="For many visitors behind a proxy: every address answers, half the budgets.")
    ] = False,
    host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name by which --public may be reached; may be repeated.")
    ] = None,
) -> None:
    """Open the app in the browser."""
    from app.command import server
    from app.scene import budget

    chosen = server.chosen_port(port)
    if chosen is None:
        raise Refused("port", f"The port {port or 8501} is taken; choose another one with --port.")
    if host and not public:
        raise Refused("host", "A name to be reached by is for a shared machine: add --public, or leave out --host.")
    server.serve(chosen, not (no_browser or public), tuple(host or ()) if public or budget.public() else None)


# ---------------------------------------------------------------------------------------------------------------------
# A scene's numbers, pictures and source


class Engine(StrEnum):
    xla = "xla"
    portable = "portable"


@zoomout.command()
def run(
    scene: SceneSource,
    as_json: JsonFlag = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the numbers as .json, .npz or .csv.")] = None,
    every: Annotated[int, typer.Option(metavar="N", min=1, help="Keep every N-th step only.")] = 1,
    engine: Annotated[
        Engine, typer.Option(help="Who makes float paths: XLA, or a program with the same bits on every machine.")
    ] = Engine.xla,
    force: ForceFlag = False,
) -> None:
    """Simulate a scene and give its numbers."""
    if out is not None:
        _check_out(out, force)
    from app.answer import result

    if out is not None:
        result.writer(out)
    done = result.simulate(_scene(scene), engine=engine.value)
    shown = _chart_numbers(done.scene) if as_json and done.scene.chart is not None else {}
    if out is not None:
        with _writing():
            result.write(done, out, every)
    if as_json:
        print(json.dumps(result.to_data_of(done, every) | shown, allow_nan=False))
    elif out is None:
        from app.answer.listing import table

        print("\n".join(table(done)))


def _chart_numbers(scene: Any) -> dict[str, Any]:
    from app.chart import data_of

    return {"chart": data_of(scene)}


class Theme(StrEnum):
    light = "light"
    dark = "dark"


class Controls(StrEnum):
    none = "none"
    some = "some"
    all = "all"


@zoomout.command()
def render(
    scene: SceneSource,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .mp4, .webm, .gif, .png, .svg, .pdf or .html file.")],
    size: Annotated[
        str,
        typer.Option(
            metavar="WxH|TARGET",
            help="Width and height in pixels, even numbers; or where it goes: blog, slide (16:9), square (1:1), "
            "story (9:16) or paper, with letters that can be read there.",
        ),
    ] = "1280x720",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames per second of a film.")] = 30,
    seconds: Annotated[
        float | None, typer.Option(help="How long the motion takes in a film.", show_default="as the scene says")
    ] = None,
    step: Annotated[
        float | None, typer.Option(help="The step that a picture shows.", show_default="the one that tells most")
    ] = None,
    theme: Annotated[Theme | None, typer.Option(help="The colours.", show_default="as the scene says")] = None,
    strips: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="How many curves stand under the picture.", show_default="as there is room"),
    ] = None,
    title: Annotated[bool, typer.Option("--title/--no-title", help="The scene's title and sentence.")] = True,
    caption: Annotated[bool, typer.Option("--caption/--no-caption", help="The line of time and its sentence.")] = True,
    credit: Annotated[bool, typer.Option("--credit", help="A small line that says what made it.")] = False,
    transparent: Annotated[bool, typer.Option("--transparent", help="A picture without a ground.")] = False,
    controls: Annotated[
        Controls, typer.Option(help="What can be moved in a page without a server: nothing, the starts, or numbers too.")
    ] = Controls.some,
    force: ForceFlag = False,
) -> None:
    """Make a film, a picture or a self-contained page of a scene."""
    from app.film.targets import named as target_named
    from app.picture.look import Parts

    target = target_named(size)
    pixels, ratio, room = target[1:] if target else (_size(size), 0.0, 99)
    parts = Parts(title, room if strips is None else strips, caption, credit, transparent, ratio, controls.value)
    _check_folder(out)
    given = _scene(scene)
    from app import film

    progress = _progress() if sys.stderr.isatty() else None
    chosen = theme.value if theme else given.view.theme
    with _writing():
        film.render(given, out, pixels, fps, seconds, chosen, progress, force, step, large=True, parts=parts)
    if out.suffix.lower() != ".html" and (said := film.note(" ".join([given.title, *given.labels]))):
        print(said, file=sys.stderr)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isascii() and width.isdecimal() and height.isascii() and height.isdecimal() and len(text) < 12):
        raise Refused(
            "film",
            "A --size is written as WIDTHxHEIGHT in pixels, for example 1280x720, or blog, slide, square, story or paper.",
        )
    return int(width), int(height)


def _progress() -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        print(f"\r{done} of {total} frames", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def _check_out(file: Path, force: bool) -> None:
    from app.machine.files import check_new

    _check_folder(file)
    check_new(file, force)


def _check_folder(file: Path) -> None:
    """Refuses a name that cannot be written to before any work is done."""
    if not file.parent.is_dir():
        raise Refused("file", f"There is no folder called {file.parent.name!r} for {file.name}.")
    if file.is_dir():
        raise Refused("file", f"{file.name} is a folder; give the name of a file.")


@contextmanager
def _writing() -> Iterator[None]:
    """From here on a file that cannot be used is a failure of the work, not of the input."""
    try:
        yield
    except ValueError as error:
        if getattr(error, "code", None) == "file":
            raise Failed(str(error)) from None
        raise


@zoomout.command()
def check(
    scene: Annotated[str | None, SCENE] = None,
    formula: Annotated[str | None, typer.Option(metavar="TEXT", help="Check a formula instead of a scene.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether a scene or a formula is accepted, and why not."""
    if (scene is None) == (formula is None):
        raise Refused("usage", "Give either a scene to check or --formula TEXT, exactly one of the two.")
    from app.answer import checking

    verdict = checking.of_formula(formula) if formula is not None else checking.of_scene(lambda: _scene(scene or ""))
    if as_json:
        print(json.dumps(verdict, allow_nan=False))
    if not verdict["ok"]:
        raise Refused(verdict["code"], verdict["message"])
    if not as_json:
        print(verdict["message"])


@zoomout.command()
def twin(scene: SceneSource, as_json: JsonFlag = False) -> None:
    """Print the run without weight decay that walks the same path: its schedule, growth and overflow."""
    from app.answer.twin_report import reports, sentences

    found = reports(_scene(scene))
    if as_json:
        print(json.dumps({"version": 1, "twins": found}, allow_nan=False))
    else:
        print("\n".join(line for report in found for line in sentences(report)))


@zoomout.command()
def code(scene: SceneSource) -> None:
    """Print Python that rebuilds a scene and its numbers."""
    from app.scene import to_python

    print(to_python(_scene(scene)), end="")


@zoomout.command()
def link(
    scene: SceneSource,
    base: Annotated[str, typer.Option(help="The address of the app.")] = "http://localhost:8501/",
) -> None:
    """Print the link that opens a scene in the app."""
    from app.scene import to_link

    print(to_link(_scene(scene), base))


@zoomout.command()
def atlas(
    scene: SceneSource,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .png, .npz or .html file.")],
    x: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Left to right, for example runs.0.learning_rate:log:0.01:1.")
    ] = None,
    y: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Bottom to top, for example runs.0.weight_decay:log:0.001:1.")
    ] = None,
    statistic: Annotated[str | None, typer.Option(help="What is kept of every run, for example lyapunov.")] = None,
    size: Annotated[str, typer.Option(metavar="N or WxH", help="Runs along the sides.")] = "512",
    coordinator: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where process 0 answers, if several share the work.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many processes share the work.")] = 1,
    process: Annotated[int, typer.Option(min=0, help="Which of them this is; process 0 writes the file.")] = 0,
    force: ForceFlag = False,
    bare: Annotated[bool, typer.Option("--bare", help="A .png of the pixels alone, without axes and key.")] = False,
) -> None:
    """Map a million runs: two numbers of a scene vary, one number is kept of each run.

    Several processes, on one machine or many, share a map if each is given the same command and its own --process.
    """
    if process >= processes or (coordinator is None) != (processes == 1):
        raise Refused(
            "processes", "To share a map give each of N processes --coordinator HOST:PORT --processes N --process 0 to N-1."
        )
    _check_out(out, force)
    given = _scene(scene)
    from app.command import atlas as maps

    work = maps.plan(given, x, y, statistic, size, out)
    if coordinator is not None:
        maps.join(coordinator, processes, process)
    made = maps.compute(work, maps.progress_line if sys.stderr.isatty() else None)
    if process == 0:
        with _writing():
            maps.write(made, work, out, bare)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


@zoomout.command()
def story(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A story (Markdown), or story:NAME.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write article and lecture as one .html file.")] = None,
    only_check: Annotated[bool, typer.Option("--check", help="Only say whether the story is right, and where not.")] = False,
    posters: Annotated[Path | None, typer.Option(metavar="DIR", help="Write each figure's picture to a folder.")] = None,
    force: ForceFlag = False,
) -> None:
    """Make an article and a lecture of a story, or check it: every scene accepted, every number computed."""
    if out is None and posters is None and not only_check:
        raise Refused("usage", "Say what is to become of the story: --out FILE.html, --posters DIR or --check.")
    if out is not None:
        if out.suffix.lower() != ".html":
            raise Refused("format", f"A story becomes a .html file; {out.suffix or 'none'!r} is not one.")
        _check_out(out, force)
    from app.story import shelf
    from app.story import story as stories

    told = stories.load(shelf.file_of(source))
    if only_check:
        questions = sum(stop.asked is not None for stop in told.stops)
        print(f"“{told.title}” is right: {_many(len(told.stops), 'stop')}, {_many(questions, 'question')}.")
    if posters is not None:
        from app.story.posters import write_all

        with _writing():
            write_all(told, posters, force)
    if out is not None:
        from app.machine.files import whole_file
        from app.story.page import page

        made = page(told)
        with _writing(), whole_file(out) as file:
            file.write_text(made, "utf-8")


@zoomout.command()
def bench(
    as_json: JsonFlag = False,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sizes, in about a minute.")] = False,
) -> None:
    """Time the engine beside C, NumPy, PyTorch, optax and naive JAX."""
    from app.command import bench as benchmarks

    if benchmarks.run(as_json, quick):
        raise Failed("The benchmarks stopped before their end; what they said stands above.")


KINDS = ("landscapes", "rules", "schedules", "presets", "stories")


@zoomout.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(metavar=f"[{'|'.join(KINDS)}]", show_default="all")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the landscapes, rules, schedules, presets and stories."""
    from app.answer import listing
    from app.story import shelf

    def entries(kind: str) -> list[dict[str, Any]]:
        return shelf.entries() if kind == "stories" else listing.entries(kind)

    if kind is not None and kind not in (*KINDS, "lessons"):
        raise Refused("kind", f"There is no list of {kind[:40]!r}; there are {', '.join(KINDS)}.")
    kinds = (kind,) if kind else KINDS
    if as_json:
        found = {each: entries(each) for each in (kinds if kind else (*KINDS, "lessons"))}
        print(json.dumps(found[kind] if kind else found, ensure_ascii=False))
    else:
        print("\n\n".join("\n".join(listing.lines(each, entries(each))) for each in kinds))


def _scene(source: str) -> Any:
    """The scene from a file, from a link or from standard input."""
    from app.scene import MAX_FILE, load, read_bytes

    return read_bytes(sys.stdin.buffer.read(MAX_FILE + 1), "standard input") if source == "-" else load(source)


if __name__ == "__main__":
    main()
