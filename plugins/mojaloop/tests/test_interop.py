"""The scheme's own library of signatures and packets, from npm, signs what we verify, and verifies what we sign."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gateway_mojaloop.fspiop import ilp, jws
from gateway_mojaloop.fspiop.amounts import amount_text
from gateway_mojaloop.fspiop.texts import canonical
from gateway_mojaloop.simulator.voices import public_pem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.contract import Money

from .conftest import payer_key, private_pem

PACKAGE = "@mojaloop/sdk-standard-components@19.19.1"
# A folder where it is installed already (`npm install --prefix FOLDER ...`), so that it need not be fetched again.
INSTALLED = "GATEWAY_CORE_MOJALOOP_SDK"
INSTALLING = 480
Node = Callable[..., Any]

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_names = st.text("abcXYZ", min_size=1, max_size=5)
_bodies = st.dictionaries(
    st.text("abcdefgXYZ", min_size=1, max_size=8),
    st.recursive(
        _text | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=8,
    ),
    min_size=1, max_size=5,
)  # fmt: skip
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    if known := os.environ.get(INSTALLED):
        return Path(known)
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), PACKAGE]
    subprocess.run(command, check=True, capture_output=True, timeout=INSTALLING)
    return folder


@pytest.fixture(scope="session")
def node(library: Path) -> Iterator[Node]:
    """Asks the library: node("verify", ...)."""
    script = Path(__file__).with_name("interop.js").read_text()
    environment = {**os.environ, "NODE_PATH": str(library / "node_modules"), "NODE_NO_WARNINGS": "1"}
    running = subprocess.Popen(
        ["node", "-e", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        encoding="utf-8",
    )  # fmt: skip
    assert running.stdin and running.stdout

    def ask(what: str, **given: Any) -> Any:
        assert running.stdin and running.stdout
        running.stdin.write(json.dumps({"do": what, **given}) + "\n")
        running.stdin.flush()
        return json.loads(running.stdout.readline())

    yield ask
    running.stdin.close()
    running.stdout.close()
    running.wait(30)


def sec1(key: ec.EllipticCurvePrivateKey) -> str:
    """By this form alone the library knows an elliptic key."""
    form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


def public(key: Any) -> str:
    return public_pem(key).decode()


EC = ec.generate_private_key(ec.SECP256R1())
# Installs a package of Node, which a newcomer may do without.
pytestmark = pytest.mark.deep
KEYS: dict[str, tuple[Any, Callable[[], str]]] = {
    "RS256": (payer_key(), lambda: private_pem(payer_key())), "ES256": (EC, lambda: sec1(EC)),
}  # fmt: skip
HEADERS = {
    "fspiop-source": "grantsfsp", "fspiop-destination": "payeefsp", "date": "Mon, 01 Jan 2024 00:00:00 GMT",
}  # fmt: skip


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("uri", ["/transfers", "/quotes", "/parties/MSISDN/%2B256772123456", "/transfers/1/error"])
@MANY
@given(body=_bodies)
def test_what_it_signs_we_verify(node: Node, algorithm: str, uri: str, body: Any) -> None:
    key, pem = KEYS[algorithm]
    said = node("sign", key=pem(), method="PUT", url=f"https://hub.local/switch{uri}", headers=HEADERS, body=body)
    sent = said["body"].encode()
    assert sent == canonical(body), "both write one form"
    assert jws.verify([key.public_key()], "PUT", f"/callbacks/hub{uri}", said["headers"], sent).form == "raw"


@pytest.mark.parametrize("algorithm", KEYS)
@MANY
@given(body=_bodies)
def test_what_we_sign_it_verifies(node: Node, algorithm: str, body: Any) -> None:
    key, _ = KEYS[algorithm]
    signed = {**HEADERS, **jws.sign(key, "POST", "/transfers", HEADERS, canonical(body))}
    keys = {"grantsfsp": public(key)}
    assert node("verify", keys=keys, headers=signed, body=body) == {"good": True}
    assert "error" in node("verify", keys=keys, headers=signed, body={**body, "more": "x"})


QUOTE = {
    "quoteId": "7c23e80c-d078-4077-8263-2c047876fcf6", "transactionId": "85feac2f-39b2-491b-817e-4a03203d4f14",
    "payer": {"partyIdInfo": {"partyIdType": "BUSINESS", "partyIdentifier": "treasury", "fspId": "grantsfsp"}},
    "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "BUSINESS"},
}  # fmt: skip


@pytest.mark.parametrize("version", ["1", "4"])
@MANY
@given(
    name=_text, secret=_text.filter(bool), minor=st.integers(1, 10**12), currency=st.sampled_from(["USD", "UGX", "KWD"])
)
def test_its_packets_are_ours(node: Node, version: str, name: str, secret: str, minor: int, currency: str) -> None:
    party = {"partyIdType": "MSISDN", "partyIdentifier": "256772123456", "fspId": "payeefsp"}
    quote = {**QUOTE, "payee": {"partyIdInfo": party, "name": name}}
    amount = {"amount": amount_text(Money(minor, currency)), "currency": currency}
    answer = {"transferAmount": amount, "expiration": "2024-01-01T00:01:00.000Z"}
    theirs = node("packet", version=f"v{version}", secret=secret, quote=quote, answer=answer)
    ours = ilp.make(int(version), secret, ilp.transaction_object(quote, answer))
    assert theirs == {"fulfilment": ours.fulfilment, "condition": ours.condition, "ilpPacket": ours.packet}
    assert ilp.decode(theirs["ilpPacket"]).amount == minor
    assert node("fulfils", version=f"v{version}", fulfilment=ours.fulfilment, condition=ours.condition) == {
        "good": True
    }
