"""A server for many: it says that it is shared, asks for less, and works under the headers that its proxy adds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import ARGUMENTS, CHART, STAGE, chromium, free_port
from playwright.sync_api import Browser, Page

from app.laboratory.workbench import Bench
from app.scene import Scene, SceneError, budget

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
LARGE = Scene(landscape="quotient", steps=60_000, starts=((1.0, 1.0),) * 120)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(budget.PUBLIC, "the machine of a class")


def test_a_shared_machine_allows_each_visitor_half_and_says_so(shared) -> None:
    bench = Bench(Scene(landscape="quotient", steps=5))
    assert "At most 5 000 000 points" in (said := bench.adopt(lambda _: LARGE)) and "share this machine" in said
    for name, each in budget.BUDGETS.items():
        budget.check(name, each.page // 2, page=True)
        budget.check(name, each.command)
        with pytest.raises(SceneError, match="share this machine"):
            budget.check(name, each.page // 2 + 1, page=True)


@pytest.fixture
def public_address(tmp_path: Path):
    port = free_port()
    command = [sys.executable, "-m", "app", "app", "--public", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline().startswith(b"zoomout is at")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def proxied_page(browser: Browser):
    """In a browser that lets an answer which the test hands on open a connection to this machine."""
    lenient = [*ARGUMENTS, "--disable-features=LocalNetworkAccessChecks"]
    other = browser.browser_type.launch(executable_path=chromium(), args=lenient)
    yield other.new_page()
    other.close()


def test_the_page_of_a_shared_machine_works_under_the_headers_of_its_proxy(proxied_page: Page, public_address: str) -> None:
    page = proxied_page
    policy = re.search(r'Content-Security-Policy "([^"]+)"', (DEPLOY / "Caddyfile").read_text("utf-8"))[1]
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None)

    def proxied(route) -> None:
        answer = route.fetch(max_retries=3)
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": policy})

    page.route(lambda url: url.startswith(public_address), proxied)
    page.goto(public_address)
    page.wait_for_function(f"() => {STAGE}?.__zoomout?.playing", timeout=30_000)
    page.get_by_text("A shared machine: each visitor may ask for half").wait_for()
    page.goto(f"{public_address}/atlas")
    page.wait_for_function(f"() => {CHART}?.__chart?.header?.plots.length", timeout=30_000)
    assert refused == []


def test_a_name_to_be_reached_by_is_for_a_shared_machine() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "app", "app", "--host", "example.org"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 2 and "add --public" in told.stderr and told.stderr.count("\n") == 1


def test_the_image_is_made_of_files_that_exist_and_runs_as_nobody_in_particular() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    for sources in re.findall(r"^COPY --chown=zoomout (.*) \S+$", dockerfile, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    order = [dockerfile.index(word) for word in ("pip install", "USER zoomout", "HEALTHCHECK", "CMD [\"zoomout\"")]
    assert order == sorted(order) and "/_stcore/health" in dockerfile


def test_the_proxy_adds_every_header_and_closes_what_visitors_need_not_see() -> None:
    caddyfile = (DEPLOY / "Caddyfile").read_text("utf-8")
    for word in ("X-Content-Type-Options nosniff", "Referrer-Policy", "frame-ancestors", "/_stcore/metrics"):
        assert word in caddyfile
    assert "script-src 'self' 'wasm-unsafe-eval' blob:;" in caddyfile
    assert "unsafe-eval" not in caddyfile.replace("wasm-unsafe-eval", "")
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert "./Caddyfile" in compose and "dockerfile: deploy/Dockerfile" in compose
    for target in re.findall(r"run: CI=true bash (\S+)", (ROOT / ".github/workflows/test.yml").read_text("utf-8")):
        assert (ROOT / target).exists()
