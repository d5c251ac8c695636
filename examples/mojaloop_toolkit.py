"""Pay people over the scheme's own testing toolkit, and count what it saw.

    npm install --prefix /tmp/toolkit ml-testing-toolkit@18.19.2
    python examples/mojaloop_toolkit.py /tmp/toolkit --count 20

The toolkit is the hub and the payee. It judges each message by the OpenAPI documents, each signature, and each transfer
by its quote, packet and condition. It takes our key from a connection manager; `Manager` is as much of one as it
asks for. docs/mojaloop.md says what else is set, and why. Exit code 0: one look-up, one quote and one transfer per
payment, no error callback, everybody paid.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway_core import Account, Invoice, Money, Paymaster

FSP, PAYEE = "userdfsp", "testingtoolkitdfsp"
# The toolkit's ports are its own; ours is where it calls back.
HUB, BOOKS, LISTEN = "http://127.0.0.1:4040", "http://127.0.0.1:5050", "127.0.0.1:8089"
CHECKS = {
    "CALLBACK_ENDPOINT": f"http://{LISTEN}/callbacks/hub",
    "VALIDATE_INBOUND_JWS": True, "JWS_SIGN": True, "JWS_SIGN_PUT_PARTIES": True,
    "TRANSFERS_VALIDATION_WITH_PREVIOUS_QUOTES": True, "TRANSFERS_VALIDATION_ILP_PACKET": True,
    "TRANSFERS_VALIDATION_CONDITION": True, "DEFAULT_REQUEST_TIMEOUT": 60000,
}  # fmt: skip
# Its own rule for quotes names fee and commission that do not add up, and computes them where quotes that come together
# overwrite one another. This one takes no fee, and is the quote's own.
AMOUNT = {"currency": "{$request.body.amount.currency}", "amount": "{$request.body.amount.amount}"}
NOTHING = {"currency": "{$request.body.amount.currency}", "amount": "0"}
TERMS = {
    "transferAmount": AMOUNT, "payeeReceiveAmount": AMOUNT, "payeeFspFee": NOTHING, "payeeFspCommission": NOTHING,
}  # fmt: skip
STARTS_WITHIN = 120.0


class Manager(BaseHTTPRequestHandler):
    """A connection manager that knows one environment and one key: ours. `public` is it, in PEM."""

    public = ""

    def do_GET(self) -> None:
        """What the toolkit asks for every ten seconds."""
        key = [{"id": 1, "jwsCertificate": self.public}] if self.path.endswith(f"/{FSP}/jwscerts") else []
        known = {"environments": [{"id": 1, "name": "TESTING-TOOLKIT"}], "dfsps": [{"id": FSP}, {"id": PAYEE}]}
        last = self.path.rpartition("/")[2]
        self._say(key[0] if key else known.get(last, {}))

    def do_POST(self) -> None:
        """Its own certificate, which we take from its folder instead."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._say({})

    def _say(self, said: Any) -> None:
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def prepare(package: Path, folder: Path) -> None:
    """The toolkit's own folders, with all checks on."""
    for name in ("spec_files", "secrets"):
        shutil.copytree(package / name, folder / name)
    _change(folder / "spec_files/user_config.json", lambda known: known.update(CHECKS))
    rules = folder / "spec_files/rules_callback/default.json"

    def settle(known: Any) -> None:
        by_name = {rule["description"]: rule["event"]["params"] for rule in known}
        by_name["post /quotes"].update(body=TERMS, scripts={})
        # In 2.0 its parties take currencies that it draws at random.
        by_name["get /parties/{Type}/{ID}"]["body"]["party"]["supportedCurrencies"] = ["USD"]

    _change(rules, settle)


def _change(file: Path, change: Any) -> None:
    known = json.loads(file.read_text())
    change(known)
    file.write_text(json.dumps(known))


@contextmanager
def toolkit(package: Path, folder: Path, manager: str) -> Iterator[None]:
    """The toolkit, until it listens; its log is `toolkit.log`."""
    prepare(package, folder)
    setting = {"CONNECTION_MANAGER": {"ENABLED": True, "API_URL": manager}}
    environment = {**os.environ, "TTK_SYSTEM_CONFIG": json.dumps(setting)}
    with (folder / "toolkit.log").open("w") as log:
        command = ["node", str(package / "src" / "index.js")]
        running = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _until_it_listens(running, folder)
            yield
        finally:
            running.terminate()
            running.wait(30)


def _until_it_listens(running: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while "Toolkit Initialization completed" not in (folder / "toolkit.log").read_text():
        if running.poll() is not None or time.monotonic() > until:
            sys.exit(f"the toolkit does not start:\n{(folder / 'toolkit.log').read_text()[-2000:]}")
        time.sleep(0.2)


def configuration(folder: Path, key: rsa.RSAPrivateKey, profile: str) -> dict[str, Any]:
    """One channel, signed both ways."""
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "jws.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    (folder / "keys").mkdir()
    shutil.copy(folder / "secrets/publickey.cer", folder / "keys" / f"{PAYEE}.pem")
    channel = {
        "gateway": "mojaloop", "base_url": HUB, "fsp_id": FSP, "hub_id": PAYEE, "institution_account": "treasury",
        "profile": profile,
        "listen": LISTEN, "jws_key": {"file": str(folder / "jws.pem")}, "keys_dir": str(folder / "keys"),
        # It takes seconds over a callback, and many seconds over many; asking meanwhile would be one question too many.
        "callback_patience": 120.0, "transfer_window": 120.0, "quote_window": 240.0,
    }  # fmt: skip
    return {
        "deployment": "toolkit-grants", "environment": "test", "store": f"sqlite:///{folder / 'payments.db'}",
        "mark_dir": str(folder / "marks"), "channels": {"hub": channel},
    }  # fmt: skip


def pay(config: Mapping[str, Any], count: int) -> dict[str, str]:
    """Each person's state, or why she is not paid."""
    invoices = [
        Invoice(
            id=f"inv-{n}", beneficiary=f"ben-{n}", name=f"Person {n}", account=Account("msisdn", str(256772100000 + n)),
            amount=Money(1000 + n, "USD"), programme="grant", cycle="2026-11",
        )
        for n in range(count)
    ]  # fmt: skip
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("rehearsal", invoices, channel="hub", by="amina")
        paymaster.approve(payroll, by="joseph")
        report = paymaster.run(payroll, wait=1800)
        for channel, why in report.stopped_channels.items():
            print(f"channel {channel} is stopped: {why}")
        return {view.account: " ".join((view.state, view.reason)).strip() for view in paymaster.payments(payroll)}


def seen(what: str) -> Counter[str]:
    """How many messages of each kind the toolkit kept: its `requests` to it, or its `callbacks`."""
    with urlopen(f"{BOOKS}/api/history/{what}") as answer:  # noqa: S310 - the toolkit's own address
        rows = json.load(answer)
    kind = lambda path: path.strip("/").partition("/")[0] + ("/error" if path.endswith("/error") else "")  # noqa: E731
    return Counter(f"{row['method'].upper()} {kind(row['path'])}" for row in rows)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("installed", type=Path, help="the folder of npm install --prefix")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--profile", default="1.1", choices=["1.0", "1.1", "2.0"])
    parser.add_argument("--wrong-key", action="store_true", help="publish another key: nothing may be paid")
    given = parser.parse_args()
    package = given.installed.resolve() / "node_modules" / "ml-testing-toolkit"
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    known = rsa.generate_private_key(65537, 2048) if given.wrong_key else key
    Manager.public = known.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    with tempfile.TemporaryDirectory() as name, ThreadingHTTPServer(("127.0.0.1", 0), Manager) as manager:
        threading.Thread(target=manager.serve_forever, daemon=True).start()
        folder = Path(name)
        with toolkit(package, folder, f"http://127.0.0.1:{manager.server_port}"):
            states = pay(configuration(folder, key, given.profile), given.count)
            asked, called = seen("requests"), seen("callbacks")
        manager.shutdown()
    ended = Counter(states.values())
    print(f"requests: {dict(asked)}\ncallbacks: {dict(called)}\npayments: {dict(ended)}")
    once = dict.fromkeys(("GET parties", "POST quotes", "POST transfers"), given.count)
    answered = dict.fromkeys(("PUT parties", "PUT quotes", "PUT transfers"), given.count)
    return 0 if (asked, called, ended["paid"]) == (once, answered, given.count) else 1


if __name__ == "__main__":
    sys.exit(main())
