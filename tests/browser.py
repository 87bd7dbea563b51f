"""A running app and a browser that looks at it, for the tests named test_browser_*.

Without a Chromium these tests skip and say so; where ZOOMOUT_REQUIRE_BROWSER=1 (continuous integration) they fail.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]

FIND = """(() => {
  const find = (node) => {
    for (const e of node.querySelectorAll("*")) {
      if (e.HANDLE) return e;
      const inside = e.shadowRoot && find(e.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  return find(document);
})()"""
STAGE, CHART = FIND.replace("HANDLE", "__zoomout"), FIND.replace("HANDLE", "__chart")
"""the root elements of the stage and of the chart, wherever a shadow root hides them"""

PROCESSES: dict[str, int] = {}
"""of the servers that answer at these addresses"""


def busy(address: str) -> float:
    """The seconds of processor time that a server has taken, where the system tells."""
    told = Path(f"/proc/{PROCESSES[address]}/stat")
    if not told.exists():
        pytest.skip("this system does not tell how busy a process is")
    user, system = told.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
    )
    if found is None:
        message = "no Chromium on PATH: install one (apt-get install chromium) or set CHROMIUM to its path"
        pytest.fail(message) if os.environ.get("ZOOMOUT_REQUIRE_BROWSER") == "1" else pytest.skip(message)
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving() -> Iterator[str]:
    """The app on a free port of this machine; yields its address."""
    port, script = free_port(), str(ROOT / "app/streamlit_app.py")
    with _served(["-m", "streamlit", "run", script, "--server.port", str(port)], port) as address:
        yield address


@contextmanager
def serving_command(port: int) -> Iterator[str]:
    """The same as the command starts it."""
    with _served(["-m", "app", "app", "--no-browser", "--port", str(port)], port) as address:
        yield address


@contextmanager
def _served(arguments: list[str], port: int) -> Iterator[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT / "app", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    PROCESSES[address] = server.pid
    try:
        _wait_for(f"{address}/_stcore/health", server)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"the app did not start: {server.stdout.read().decode()[-2000:] if server.stdout else ''}")
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the app did not answer within a minute")
