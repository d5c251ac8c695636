"""A provider that we did not write: Prism serves the GSMA's document, and checks every request of ours against it.

Prism keeps nothing: its answers are the document's examples, whatever was asked. So nothing may come out as paid that
is not about our payment; each request must be to the document; and the two callbacks that it sends for every payment,
the good one and the bad one, in either order, only prompt questions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_mobile_money.addresses import filled

from gateway_core.contract import Arrival, Ask, Done, NotTaken, Refused, Reply, Returned, Unknown, Waiting

from .conftest import free_address
from .openapi import FOLDER
from .saying import NOW, gateway, pay

DOCUMENT = FOLDER / "mm-1.2.0-master.prism-fixed.yaml"
PACKAGE = "@stoplight/prism-cli@5.14.2"
pytestmark = [
    # Installs a package of Node, which a newcomer may do without.
    pytest.mark.deep,
    pytest.mark.skipif(not DOCUMENT.is_file(), reason="the GSMA's documents are not beside this repository"),
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"),
]
SECRET = "the-client-secret"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base_url. `PRISM_HOME` names a folder where it is installed already; else npm installs it."""
    home = Path(os.environ.get("PRISM_HOME") or tmp_path_factory.mktemp("prism"))
    command = home / "node_modules" / ".bin" / "prism"
    if not command.exists():
        install = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(home), PACKAGE]
        done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=300)
        if not command.exists():
            pytest.skip(f"npm could not install {PACKAGE}: {done.stderr.strip()[-200:]}")
    address = free_address()
    port = address.rpartition(":")[2]
    process = subprocess.Popen(
        [str(command), "mock", "-h", "127.0.0.1", "-p", port, str(DOCUMENT)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answers(f"http://{address}/heartbeat", process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        assert process.poll() is None and time.monotonic() < until, "Prism does not start"
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
            return
        except OSError:
            time.sleep(0.2)


class Called(BaseHTTPRequestHandler):
    """Notes what is called."""

    heard: list[tuple[str, str, bytes]]

    def do_PUT(self) -> None:
        """As the API calls back."""
        self.heard.append((self.command, self.path, self.rfile.read(int(self.headers.get("content-length") or 0))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def heard() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """An address for callbacks, and what was heard there."""
    calls: list[tuple[str, str, bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Called,), {"heard": calls}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", calls
    server.shutdown()
    thread.join()
    server.server_close()


def sent(prism: str, ask: Ask, callbacks: str, prefer: str) -> httpx.Response:
    """Our request, as it leaves, with a wish that only Prism understands."""
    headers = {name: filled(str(value), SECRET, NOW.timestamp()) for name, value in ask.request.headers.items()}
    headers["X-Callback-URL"] = re.sub(r"^https://[^/]+", callbacks, headers["X-Callback-URL"])
    request = httpx.Request(
        ask.request.method, prism + ask.request.path, headers={**headers, "Prefer": prefer}, json=ask.request.json
    )
    gateway("gsma").profile.sign(request)
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.send(request)


FORCED: list[tuple[int, type]] = [
    (201, Unknown), (202, Waiting), (400, object), (401, object), (404, object), (500, object), (503, Unknown),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), FORCED)
def test_what_prism_is_told_to_answer_is_never_a_payment_of_ours(
    prism: str, heard: Any, status: int, kind: type
) -> None:
    ask = pay("gsma")
    answer = sent(prism, ask, heard[0], f"code={status}")
    assert answer.status_code == status, answer.text
    said = gateway("gsma").parse_response(
        ask, Reply(status, dict(answer.headers), answer.content, "ask", ask.request.path)
    )
    # The examples are about another amount, and its errors have placeholders for codes.
    assert isinstance(said, kind) and not isinstance(said, Done | Returned), said
    assert isinstance(said, Unknown | Waiting | Refused | NotTaken)


@pytest.mark.parametrize("change", [{"amount": 200}, {"amount": "-1"}, {"currency": "SHILLINGS"}])
def test_prism_would_have_refused_a_request_that_is_not_to_the_document(
    prism: str, heard: Any, change: dict[str, Any]
) -> None:
    ask = pay("gsma")
    good = sent(prism, ask, heard[0], "code=202")
    assert good.status_code == 202, good.text
    for name, value in change.items():
        ask.request.json[name] = value
    assert sent(prism, ask, heard[0], "code=202").status_code in (400, 422)


def test_both_callbacks_come_to_our_address_and_neither_is_believed(prism: str, heard: Any) -> None:
    ask = pay("gsma")
    address, calls = heard
    assert sent(prism, ask, address, "code=202").status_code == 202
    until = time.monotonic() + 30
    while len(calls) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(calls) >= 2
    assert {b"errorCategory" in body for _, _, body in calls} == {True, False}
    for method, path, body in calls:
        about = gateway("gsma").parse_callback(Arrival(method, path.removeprefix("/callbacks/c"), {}, body, NOW))
        assert about is not None and (about.key, about.authentic) == (ask.request.key, False)
