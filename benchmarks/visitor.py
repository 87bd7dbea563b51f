"""A visitor without a browser: speaks Streamlit's websocket, opens a page and changes what one would change."""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


@dataclass
class Visitor:
    """One tab. `address` is http://127.0.0.1:PORT; only this machine is ever asked."""

    address: str
    page: str = ""
    query: str = ""
    socket: ClientConnection | None = None
    closing: ExitStack = field(default_factory=ExitStack)
    components: dict[str, str] = field(default_factory=dict)
    """ids by kind: rail, stage, chart"""
    pages: dict[str, str] = field(default_factory=dict)
    script: str = ""
    number: int = 0
    frame: bytes = b""
    words: list[str] = field(default_factory=list)

    def __enter__(self) -> "Visitor":
        host = self.address.removeprefix("http://")
        assert host.startswith(("127.0.0.1:", "localhost:")), "only this machine is asked"
        url = f"ws://{host}/_stcore/stream"
        self.socket = self.closing.enter_context(
            connect(url, subprotocols=["streamlit"], origin=self.address, max_size=None, open_timeout=30)
        )
        self.number = int(time.time() * 1000)
        self._rerun({})
        if self.page:
            self.script = next(each for each, name in self.pages.items() if name == self.page)
            self._rerun({})
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()

    def edit(self, **edits: Any) -> float:
        """Sends edits as the rail does; seconds until the answer has come."""
        self.number += 1
        named = [[name.replace("__", ":"), value] for name, value in edits.items()]
        return self._rerun({"rail": {"edit": {"seq": self.number, "edits": named, "live": False}}})

    def drag(self, x: float, y: float) -> float:
        self.number += 1
        request = {"kind": "start", "index": 0, "x": x, "y": y, "final": False, "id": self.number}
        return self._rerun({"stage": {"request": request}})

    def send(self, states: dict[str, Any]) -> None:
        """Sends what components have said, and does not wait for the answer."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        if self.script:
            message.rerun_script.page_script_hash = self.script
        for kind, state in states.items():
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id, widget.json_value = self.components[kind], json.dumps(state)
        self.socket.send(message.SerializeToString())

    def _rerun(self, states: dict[str, Any]) -> float:
        begun = time.monotonic()
        self.send(states)
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self.socket.recv(timeout=120))
            self._read(answer)
            if answer.WhichOneof("type") == "script_finished":
                return time.monotonic() - begun

    def _read(self, answer: ForwardMsg) -> None:
        if answer.WhichOneof("type") == "navigation":
            self.pages = {page.page_script_hash: page.url_pathname for page in answer.navigation.app_pages}
        if answer.WhichOneof("type") == "new_session":
            self.script = answer.new_session.page_script_hash
        if answer.WhichOneof("type") != "delta" or answer.delta.WhichOneof("type") != "new_element":
            return
        element = answer.delta.new_element
        if element.WhichOneof("type") == "bidi_component":
            component = element.bidi_component
            kind = component.component_name.rpartition(".")[2]
            self.components[kind] = component.id
            if component.WhichOneof("data") == "bytes":
                self.frame = component.bytes
        elif element.WhichOneof("type") in ("exception", "alert"):
            self.words.append(str(element)[:200])
