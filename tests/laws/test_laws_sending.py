"""Laws 1 to 4: written before it is sent, one live attempt, unknown is not failed, the same key has the same bytes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from gateway_core.engine.wire import Wire
from gateway_core.model.errors import RestoredStore

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Watch = Callable[["Shop", Callable[[Wire], object]], None]
Rail = Callable[["Shop", Callable[[Wire], Any]], list[Wire]]
TROUBLE = ("silent", "lands-after-not-found", "429", "503", "redirect", "paid-then-drop", "refused-although-paid")


def troubled(shop: Shop) -> list[Any]:
    lines = shop.invoices(4)
    return lines + [shop.invoice(10 + n, f"fault-{fault}") for n, fault in enumerate(TROUBLE)]


def on_disk(shop: Shop, key: str) -> list[tuple[str, dict[str, Any]]]:
    """What another process reads in the journal about a key's sends: (kind, body)."""
    query = """SELECT f.kind, f.body FROM facts f JOIN facts i ON i.payment = f.payment AND i.attempt = f.attempt
               WHERE i.key = ? AND i.kind = 'intent' AND f.kind IN ('intent', 'copy') AND f.step = i.step
               ORDER BY f.no"""
    return [(kind, json.loads(text)) for kind, text in shop.select(query, key)]


def test_law_1_every_copy_is_on_disk_before_a_byte_of_it_leaves(shop: Shop, watch: Watch) -> None:
    copies: dict[str, int] = defaultdict(int)
    wrong: list[str] = []

    def seen(wire: Wire) -> None:
        if wire.method != "POST":
            return
        said = json.loads(wire.body)
        copies[said["key"]] += 1
        written = on_disk(shop, said["key"])
        if len(written) < copies[said["key"]]:
            wrong.append(f"copy {copies[said['key']]} of {said['key']} left with {len(written)} on disk")
        elif written[0][1]["request"]["json"] != said:
            wrong.append(f"{said['key']}: other bytes than the journal's")

    watch(shop, seen)
    payroll = shop.paid(troubled(shop))
    assert wrong == []
    assert set(shop.states(payroll).values()) == {"paid"}
    assert max(copies.values()) > 1, "some must have needed a second copy, or this test shows nothing"


def test_law_2_attempt_2_has_a_new_key_and_comes_only_after_a_refusal(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.paid([shop.invoice(1, "fault-refused")])
    payment = shop.payment(payroll)
    shop.paymaster.retry(payment, by="amina", reason="limit was raised")
    shop.run(payroll)
    keys = shop.select("SELECT attempt, key FROM facts WHERE kind = 'intent' ORDER BY attempt")
    assert [attempt for attempt, _ in keys] == [1, 2]
    assert len({key for _, key in keys}) == 2
    assert dummy.moved()[payment] == 0


@pytest.mark.parametrize("state", ["paid", "held"])
def test_law_2_what_is_not_refused_is_not_tried_again(
    state: str, open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    shop = open_shop(channel=quick)
    payroll = shop.paid([shop.invoice(1, {"paid": "w-1", "held": "fault-pending-for-ever"}[state])])
    with pytest.raises(Exception, match=f"is {'unknown|pending|held' if state == 'held' else 'paid'}"):
        shop.paymaster.retry(shop.payment(payroll), by="amina", reason="again")


def test_law_2_the_database_refuses_a_second_live_attempt(shop: Shop) -> None:
    shop.paid(shop.invoices(1))
    with pytest.raises(IntegrityError):
        shop.change_store("INSERT INTO attempts (payment, attempt) SELECT payment, 2 FROM attempts")


def test_law_2_not_found_never_kills_an_attempt(
    start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    """Without dedupe, what the rail has never heard of is held and never sent again; nor is it called refused."""
    server = start_dummy(no_dedupe=True)
    shop = open_shop(server.url, channel={**quick, "profile": "no-dedupe"})
    payroll = shop.paid([shop.invoice(1, "fault-redirect")])
    assert shop.state(payroll) == "held"
    assert shop.select("SELECT kind, attempt FROM facts WHERE kind IN ('intent', 'copy', 'ended', 'retry')") == [
        ("intent", 1)
    ]
    assert server.copies() == {shop.payment(payroll): 1}


ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "500": (500, {}, b"Internal Server Error"),
    "502": (502, {}, b""),
    "504": (504, {}, b"{}"),
    "redirect": (307, {"location": "/elsewhere"}, b""),
    "garbage": (200, {}, b"\x00\xff"),
    "an empty object": (200, {}, b"{}"),
    "no payment of ours": (201, {}, b'{"status": "paid", "key": "another", "receipt": "R"}'),
    "duplicate": (409, {}, b'{"code": "duplicate"}'),
    "refused by a code that is not listed": (422, {}, b'{"status": "refused", "code": "strange"}'),
    "not found": (404, {}, b'{"code": "unknown_key"}'),
    "unauthorised for a question": (403, {}, b""),
    "a list": (200, {}, b"[1, 2]"),
    "half a character": (201, {}, b'{"status": "paid", "receipt": "\\ud800"}'),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.few(3)
def test_law_3_what_is_not_a_listed_answer_is_unknown_and_ends_with_people(
    name: str, open_shop: Callable[..., Shop], quick: Mapping[str, Any], rail_says: Rail
) -> None:
    shop = open_shop(channel=quick)

    def answer(wire: Wire) -> Any:
        status, headers, raw = ANSWERS[name]
        about = json.loads(wire.body)["key"] if wire.body else wire.target.rsplit("/", 1)[-1]
        if raw.startswith(b"{") and b"another" not in raw:
            raw = json.dumps({"key": about, **json.loads(raw)}).encode()
        return status, headers, raw

    sent = rail_says(shop, answer)
    payroll = shop.paid(shop.invoices(1))
    seen = [event.value for event in shop.paymaster.events(shop.payment(payroll)) if event.kind == "answer"]
    assert shop.state(payroll) == "held"
    assert seen == []
    assert len({wire.body for wire in sent}) == 1, "whatever was sent again was the same"


@pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
def test_law_2_a_restored_backup_asks_about_everything_and_pays_nobody_twice(
    no_dedupe: bool, start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any],
) -> None:  # fmt: skip
    """The backup is from the middle: some were not sent, one was not taken (429), one was unknown."""
    server = start_dummy(no_dedupe=no_dedupe)
    shop = open_shop(server.url, channel={**quick, **({"profile": "no-dedupe"} if no_dedupe else {})})
    first = shop.approved([shop.invoice(11, "fault-429"), shop.invoice(12, "fault-silent")], "begun")
    shop.approved(shop.invoices(4), "not begun")
    shop.run(first, wait=0)
    backup = shop.backup()

    shop.reopen()
    assert sorted(shop.states(first).values()) == ["ready", "unknown"]
    shop.run()
    assert set(shop.states().values()) == {"paid"}
    shop.paymaster.close_store()
    shop.put_back(backup)

    shop.reopen()
    with pytest.raises(RestoredStore):
        shop.run()
    shop.paymaster.restored(by="amina", second="joseph")
    shop.run()
    assert {name for name, times in server.moved_by_entitlement().items() if times != 1} == set()
    assert set(shop.states().values()) == {"paid"}


def test_law_3_a_refusal_of_a_second_copy_proves_nothing_about_the_first(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.paid([shop.invoice(1, "fault-refused-although-paid")])
    events = [(event.kind, event.value) for event in shop.paymaster.events(shop.payment(payroll))]
    assert ("answer", "refused") in events
    assert shop.state(payroll) == "paid"
    assert dummy.moved()[shop.payment(payroll)] == 1


def test_law_4_a_key_is_only_ever_sent_with_the_same_bytes(shop: Shop, watch: Watch) -> None:
    bodies: dict[str, list[tuple[str, bytes]]] = defaultdict(list)

    def seen(wire: Wire) -> None:
        if wire.method == "POST":
            bodies[json.loads(wire.body)["key"]].append((wire.target, wire.body))

    watch(shop, seen)
    shop.paid(troubled(shop))
    assert max(map(len, bodies.values())) > 1
    assert all(len(set(sent)) == 1 for sent in bodies.values())


def test_law_4_what_a_person_releases_for_sending_goes_with_the_same_bytes(
    start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any], watch: Watch
) -> None:
    server = start_dummy(no_dedupe=True)
    shop = open_shop(server.url, channel={**quick, "profile": "no-dedupe"})
    sent: list[bytes] = []
    watch(shop, lambda wire: sent.append(wire.body) if wire.method == "POST" else None)
    payroll = shop.paid([shop.invoice(1, "fault-redirect")])
    shop.release(shop.payment(payroll), "ready")
    shop.run(payroll)
    assert shop.state(payroll) == "paid"
    assert len(sent) == 2
    assert len(set(sent)) == 1


def test_law_4_no_secret_is_ever_on_disk(open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "s3cr3t-of-the-channel"
    monkeypatch.setenv("DUMMY_KEY", secret)
    shop = open_shop(channel={"api_key": {"env": "DUMMY_KEY"}, "callback_secret": {"env": "DUMMY_KEY"}})
    shop.paid(shop.invoices(3))
    shop.paymaster.close_store()
    for path in shop.folder.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
