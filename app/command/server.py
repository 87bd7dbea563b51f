"""Starting the page: Streamlit with the configuration that is shipped beside it, on a free port."""

import contextlib
import importlib
import os
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path

from app.scene import budget

PAGE = Path(__file__).parents[1] / "streamlit_app.py"
HOST, PORT = "127.0.0.1", 8501


def free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
        return True


def chosen_port(port: int | None) -> int | None:
    """The port asked for, or the first free one from 8501 on; None where it is taken."""
    candidates = range(PORT, PORT + 100) if port is None else [port]
    return next(filter(free, candidates), None)


def serve(port: int, open_browser: bool, names: tuple[str, ...] | None = None) -> None:
    """Serves the page until ctrl-C. Streamlit reads app/.streamlit/config.toml by itself, as it lies beside the page.

    Where `names` are given, many visitors share this machine: every address answers, to these names and to its own.
    """
    from streamlit.web import bootstrap, cli

    from app.command.first import serve_shapes

    serve_shapes()
    bootstrap._set_up_signal_handler = lambda server: None  # who started this process says how it ends (see app.ending)
    threading.Thread(target=_announce, args=(port, open_browser), daemon=True).start()
    quiet = {"server.headless": "true", "logger.hideWelcomeMessage": "true", "logger.level": "warning"}
    options = [("server.port", port), *quiet.items()]
    if names is not None:
        os.environ.setdefault(budget.PUBLIC, "1")
        allowed = ("localhost", "127.0.0.1", *names)
        options += [("server.address", "0.0.0.0"), *(("server.allowedHosts", name) for name in allowed)]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # Streamlit's own greetings
        cli.main(["run", str(PAGE), *(f"--{name}={value}" for name, value in options)], standalone_mode=False)


def _announce(port: int, open_browser: bool) -> None:
    """Prints the address once the server answers, so that the line is true when it is read.

    While the browser starts, what the first picture needs is loaded.
    """
    while free(port):
        time.sleep(0.02)
    address = f"http://localhost:{port}"
    print(f"zoomout is at {address} (ctrl-C ends it)", file=sys.__stdout__, flush=True)
    if open_browser:
        webbrowser.open(address)
    importlib.import_module("app.picture.picture")
