"""Each fault over a real socket: what the client sees, what a question finds, what the ledger holds in the end."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from gateway_dummy_server.signing import is_authentic

from gateway_core.contract import Arrival, Hidden
from gateway_core.testing.behaviours import BEHAVIOURS, FAULTS, HONEST, MAGIC_AMOUNTS, Behaviour, Chaos, behaviour_of
from gateway_core.testing.ledger import Ledger, Order
from gateway_core.testing.provider import MockProvider

README = Path(__file__).parent.parent / "README.md"
SECRET = "s3"


@attrs.frozen
class Seen:
    """`answer`: HTTP status, or "broken" or "silence". `at_once`: status by asking right after. `end`: at last.

    `again`: the answer to a second copy. `calls`: (status, authentic) of the callbacks.
    """

    answer: int | str
    at_once: str
    end: tuple[str, int, int]
    again: int
    calls: tuple[tuple[str, bool], ...] = (("paid", True),)


PAID, REFUSED = ("paid", 1, 0), ("refused", 0, 0)
NO, YES = ("refused", True), ("paid", True)
TABLE = {
    "refused": Seen(422, "refused", REFUSED, 422, (NO,)),
    "no-such-account": Seen(422, "refused", REFUSED, 422, (NO,)),
    "insufficient-funds": Seen(422, "refused", REFUSED, 422, (NO,)),
    "pending-then-paid": Seen(202, "pending", PAID, 201),
    "pending-then-refused": Seen(202, "pending", REFUSED, 422, (NO,)),
    "pending-for-ever": Seen(202, "pending", ("pending", 0, 0), 202, ()),
    "silent": Seen("silence", "paid", PAID, 201),
    "late": Seen("silence", "unknown_key", PAID, 201),
    "lands-after-not-found": Seen("broken", "unknown_key", PAID, 201),
    "paid-then-500": Seen(500, "paid", PAID, 201),
    "paid-then-drop": Seen("broken", "paid", PAID, 201),
    "refused-although-paid": Seen("broken", "unknown_key", PAID, 422),
    "duplicate-callback": Seen(201, "paid", PAID, 201, (YES, YES)),
    "callback-before-answer": Seen(201, "paid", PAID, 201),
    "contradicting-callback": Seen(201, "paid", PAID, 201, (YES, NO)),
    "callback-never": Seen(202, "pending", PAID, 201, ()),
    "forged-callback": Seen(202, "pending", REFUSED, 422, (("paid", False), NO)),
    "429": Seen(429, "unknown_key", PAID, 201),
    "503": Seen(503, "unknown_key", PAID, 201),
    "slow": Seen(201, "paid", PAID, 201),
    "garbage": Seen(200, "paid", PAID, 201),
    "redirect": Seen(307, "unknown_key", PAID, 201),
    "wrong-signature": Seen(202, "pending", PAID, 201, (("paid", False),)),
    "paid-then-returned": Seen(201, "paid", ("reversed", 1, 1), 200, (YES, ("reversed", True))),
}


class Payer(http.server.ThreadingHTTPServer):
    """Takes callbacks. The first of each key is answered 500, so that it must come again."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: dict[str, list[tuple[str, bool, float]]] = defaultdict(list)
        self.turned_away: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/callbacks/dummy"

    def says(self, key: str) -> tuple[tuple[str, bool], ...]:
        return tuple((status, authentic) for status, authentic, _ in self.heard[key])


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Payer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        arrived = Arrival("POST", "", headers, body, datetime.now(UTC))
        said = json.loads(body)
        if said["key"].startswith("busy") and said["key"] not in self.server.turned_away:
            self.server.turned_away.add(said["key"])
            self.send_error(500)
            return
        heard = (said["status"], is_authentic(arrived, Hidden(SECRET)), time.monotonic())
        self.server.heard[said["key"]].append(heard)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def payer() -> Iterator[Payer]:
    with Payer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_every_fault_on_the_wire(start: Any, payer: Payer) -> None:
    client = start(secret=SECRET)
    with ThreadPoolExecutor(len(TABLE) * 2) as pool:
        by_account = pool.map(lambda name: _live(client, payer, name, f"fault-{name}.7", 500), TABLE)
        by_amount = pool.map(lambda name: _live(client, payer, name, "w-1", MAGIC_AMOUNTS[name]), TABLE)
        seen = {
            "account": dict(zip(TABLE, by_account, strict=True)),
            "amount": dict(zip(TABLE, by_amount, strict=True)),
        }
    assert seen["account"] == TABLE
    assert seen["amount"] == TABLE


def _live(client: Any, payer: Payer, name: str, account: str, amount: int) -> Seen:
    key = f"key-{name}-{amount}"[:64]

    def pay(timeout: float) -> int | str:
        try:
            answer = client.pay(key, account, amount, callback_url=payer.url, timeout=timeout)
        except httpx.ReadTimeout:
            return "silence"
        except (httpx.ReadError, httpx.RemoteProtocolError):
            return "broken"
        return int(answer.status_code)

    patience = 1.2 if TABLE[name].answer == "silence" else 5.0
    began = time.monotonic()
    answer = pay(patience)
    asked = client.get(f"/payments/{key}").json()
    at_once = asked.get("status") or asked["code"]
    decided = (TABLE[name].at_once, at_once) == ("pending", TABLE[name].end[0])
    if decided and time.monotonic() - began > FAULTS[name].after:
        # A busy machine asked when it was decided.
        at_once = "pending"
    early = payer.says(key)
    again = pay(5.0) if TABLE[name].at_once == "unknown_key" else 0
    time.sleep(1.9)
    again = again or pay(5.0)
    assert name != "callback-before-answer" or early
    assert isinstance(again, int)
    return Seen(answer, at_once, client.moved(key), again, payer.says(key))


def test_a_callback_that_is_turned_away_comes_again(start: Any, payer: Payer) -> None:
    client = start(secret=SECRET)
    client.pay("busy-key-1", callback_url=payer.url)
    client.pay("plain-key-1")
    _until(lambda: bool(payer.says("busy-key-1")))
    assert payer.says("busy-key-1") == (("paid", True),) and "busy-key-1" in payer.turned_away


def test_callbacks_without_a_secret_are_unsigned_and_a_dead_address_harms_nobody(start: Any, payer: Payer) -> None:
    client = start()
    assert client.pay("unsigned-1", callback_url=payer.url).status_code == 201
    assert client.pay("dead-addr-1", callback_url="http://127.0.0.1:1/").status_code == 201
    assert client.pay("dead-addr-2", callback_url="http://[broken").status_code == 201
    _until(lambda: bool(payer.says("unsigned-1")))
    assert payer.says("unsigned-1") == (("paid", False),)


def _until(true: Any) -> None:
    for _ in range(100):
        if true():
            return
        time.sleep(0.05)


def test_without_dedupe_a_late_copy_moves_money_again(start: Any) -> None:
    client = start(dedupe=False)
    with pytest.raises(httpx.TransportError):
        client.pay("late-key-1", "fault-lands-after-not-found")
    assert client.get("/payments/late-key-1").status_code == 404
    assert client.pay("late-key-1", "fault-lands-after-not-found").status_code == 201
    _until(lambda: client.moved("late-key-1")[1] == 2)
    assert client.moved("late-key-1") == ("paid", 2, 0)


def test_silence_ends_with_the_server(start: Any) -> None:
    client = start()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(client.pay, "silent-key-1", "fault-silent", timeout=20)
        _until(lambda: client.moved("silent-key-1")[1] == 1)
        began = time.monotonic()
        client.server.stop()
        with pytest.raises(httpx.TransportError):
            waits.result(10)
    assert time.monotonic() - began < 3


def test_the_readme_lists_every_fault_with_its_amount() -> None:
    rows = [line for line in README.read_text().splitlines() if line.startswith("| `") and line.count("|") == 5]
    listed = {row.split("|")[1].strip().strip("`"): row.split("|")[2].strip() for row in rows}
    assert listed == {name: str(MAGIC_AMOUNTS[name]) for name in FAULTS}
    assert set(TABLE) == set(FAULTS)


# Chaos


def drawn(chaos: Chaos, keys: int = 3000) -> list[str]:
    return [chaos.for_copy(f"key-{number}", 1).name for number in range(keys)]


def test_chaos_is_the_same_after_a_restart_and_holds_every_fault() -> None:
    assert drawn(Chaos(7)) == drawn(Chaos(7)) != drawn(Chaos(8))
    spoiled = [name for name in drawn(Chaos(7)) if name != "honest"]
    assert set(spoiled) == set(FAULTS) - {"paid-then-returned"}
    assert 0.25 < len(spoiled) / 3000 < 0.35
    assert set(drawn(Chaos(7, 0.0))) == {"honest"}
    assert Chaos(7, 1.0).for_copy("k", 5) is HONEST and Chaos(7, 1.0).for_ask("k", 4) is HONEST


def test_what_was_asked_for_comes_before_chaos_and_a_misspelt_fault_is_never_paid() -> None:
    def met(account: str, amount: int = 5, copy: int = 1, booked_by: str = "") -> Behaviour:
        return behaviour_of(
            account=account, amount=amount, key="k", copy=copy, booked_by=booked_by, chaos=Chaos(1, 1.0)
        )

    assert met("fault-slow") is FAULTS["slow"] and met("w-1", MAGIC_AMOUNTS["slow"]) is FAULTS["slow"]
    assert met("fault-slwo") is FAULTS["no-such-account"]
    assert met("fault-slow", copy=2, booked_by="slow") is HONEST
    assert met("w-1", copy=2, booked_by="refused-although-paid") is BEHAVIOURS["refused-as-repeated"]
    assert met("w-1") is not HONEST


@pytest.mark.parametrize("seed", range(5))
def test_in_chaos_asking_ends_with_the_truth_and_money_moves_once(seed: int) -> None:
    """The whole provider under a clock stepped by hand: a patient payer asks, and sends again when not found."""
    now = 1_000_000.0
    ledger = Ledger(":memory:")
    provider = MockProvider(ledger, chaos=Chaos(seed, 0.9), clock=lambda: now)
    orders = [Order(f"key-{number}", f"ref-{number}", "e", "wallet", f"w-{number}", 5, "UGX") for number in range(200)]
    seen = {}
    for order in orders:
        for _ in range(6):
            with ledger.transaction():
                provider.take(order)
            now += 3
            with ledger.transaction():
                provider.tick()
                seen[order.key] = provider.find(order.key)[0]
    assert provider.find("key-0")[1] is HONEST
    entries = ledger.page()
    assert len(entries) == 200 and all(entry.moved <= 1 for entry in entries)
    for entry in entries:
        assert seen[entry.order.key] == attrs.evolve(entry, copies=6)
        assert (entry.moved == 1) == (entry.status == "paid") and entry.status in ("paid", "refused", "pending")
    assert all(entry.fault == "pending-for-ever" for entry in entries if entry.status == "pending")
    assert ledger.available("UGX") == 10**15 - 5 * sum(entry.moved for entry in entries)
    ledger.close()
