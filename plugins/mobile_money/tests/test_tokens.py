"""Tokens: renewed without a gap, by one lane; what fails while one is fetched left nothing of the payment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway_mobile_money.simulators.common import Answer

from gateway_core.contract import NoToken, Tokens

from .conftest import Operator, Shop
from .saying import gateway

Start = Callable[..., Operator]
Open = Callable[..., Shop]


@pytest.mark.parametrize("profile", ["mtn", "mpesa", "airtel"])
@pytest.mark.few(1)
def test_a_short_token_is_renewed_without_a_failed_call(profile: str, start: Start, open_shop: Open) -> None:
    operator = start(profile, token_life=1.0)
    shop = open_shop(operator, max_concurrency=1, rate=25)
    began = time.monotonic()
    payroll = shop.paid(shop.invoices(60))
    assert set(shop.states(payroll).values()) == {"paid"}
    doors = operator.simulator.doors
    # Each is used for more than half of its life; a slow machine takes longer over the payroll, and needs more.
    assert doors.turned_away == 0 and 2 <= doors.given <= 2 + (time.monotonic() - began) / 0.5


def test_many_lanes_fetch_one_token(start: Start, open_shop: Open) -> None:
    operator = start("mtn")
    shop = open_shop(operator, max_concurrency=16)
    shop.paid(shop.invoices(60))
    assert operator.simulator.doors.given == 1


@pytest.mark.parametrize("profile", ["mtn", "mpesa", "airtel"])
def test_a_revoked_token_is_renewed_once_and_the_payment_goes_on(profile: str, start: Start, open_shop: Open) -> None:
    operator = start(profile)
    shop = open_shop(operator, max_concurrency=1)
    shop.paid(shop.invoices(1))
    operator.simulator.doors.revoke()
    payroll = shop.approved([shop.invoice(n) for n in range(2, 5)], "second")
    shop.paymaster.run(payroll, wait=20)
    assert set(shop.states(payroll).values()) == {"paid"}
    assert operator.simulator.doors.turned_away == 1
    assert {copies for _, copies in operator.rows("SUM(copies)")} == {1}


@pytest.mark.parametrize("profile", ["mtn", "airtel"])
def test_credentials_that_stay_refused_stop_the_channel_and_refuse_nobody(
    profile: str, start: Start, open_shop: Open
) -> None:
    operator = start(profile)
    operator.simulator.doors.open = lambda given: False
    shop = open_shop(operator, max_concurrency=1)
    payroll = shop.approved(shop.invoices(3))
    report = shop.paymaster.run(payroll, wait=5)
    assert "token" in report.stopped_channels[profile]
    assert set(shop.states(payroll).values()) == {"ready"} and operator.moved() == {}


@pytest.mark.deep
def test_without_a_token_nothing_is_sent(start: Start, open_shop: Open) -> None:
    operator = start("mtn")
    real, turned = operator.simulator.doors.give, [0]

    def broken() -> str:
        turned[0] += 1
        # The question for the balance is tried three times; then two copies of the payment find no token.
        if turned[0] <= 5:
            raise Answer(500)
        return str(real())

    operator.simulator.doors.give = broken
    shop = open_shop(operator)
    payroll = shop.paid(shop.invoices(1))
    assert shop.states(payroll) == {"inv-0": "paid"}
    kinds = [(event.kind, str(event.details)) for event in shop.events(payroll)]
    unsent = [details for kind, details in kinds if kind == "unsent"]
    assert len(unsent) == 2
    assert all("no token: the provider answered 500" in details for details in unsent)
    assert not any(kind == "word" and "unknown" in details for kind, details in kinds)
    assert operator.rows("SUM(copies)")[0][1] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 200), (b"[]", 200), (b"{}", 200), (b'{"access_token": "t", "expires_in": "soon"}', 200), (b"x" * 99, 401)],
)
def test_an_answer_without_a_token_is_none_and_is_not_quoted(body: bytes, status: int) -> None:
    with pytest.raises(NoToken) as caught:
        Tokens().take(status, body)
    assert str(caught.value) == f"no token: the provider answered {status}"


@pytest.mark.parametrize("life", [3600, "3599", "180", None])
def test_a_tokens_life_may_be_text_or_missing(life: Any) -> None:
    async def story() -> None:
        tokens = Tokens(ends_others=True)
        assert tokens.good() == ""
        said = {"access_token": "t"} | ({"expires_in": life} if life else {})
        tokens.take(200, httpx.Response(200, json=said).content)
        assert tokens.good() == "t"
        tokens.drop("another")
        assert tokens.good() == "t"
        tokens.drop("t")
        assert tokens.good() == ""

    asyncio.run(story())


def test_while_one_lane_renews_the_others_go_on_with_the_old_token(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()

    async def story() -> list[str]:
        tokens, said = Tokens(), []
        monkeypatch.setattr(time, "monotonic", lambda: now)
        tokens.take(200, b'{"access_token": "old", "expires_in": 100}')
        monkeypatch.setattr(time, "monotonic", lambda: now + 85)
        said.append(tokens.good())
        async with tokens.lock():
            said += [tokens.good(), tokens.good(fetching=True)]
            monkeypatch.setattr(time, "monotonic", lambda: now + 99)
            said.append(tokens.good())
        return said

    assert asyncio.run(story()) == ["", "old", "", ""]


def test_lanes_that_begin_together_fetch_one_token() -> None:
    made, asked = gateway("mtn"), list[str]()

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        if request.url.path.endswith("/token/"):
            asked.append(request.url.path)
            return httpx.Response(200, json={"access_token": f"t-{len(asked)}", "expires_in": 3600})
        return httpx.Response(200, json={"token": request.headers["authorization"]})

    async def one() -> str:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=made.auth()) as client:
            return str((await client.post("https://api.operator.example/x", json={})).json()["token"])

    async def story() -> list[str]:
        return await asyncio.gather(*(one() for _ in range(12)))

    assert set(asyncio.run(story())) == {"Bearer t-1"} and len(asked) == 1


@pytest.mark.parametrize(("status", "code", "sends"), [
    (404, "404.001.03", 2), (400, "400.003.01", 2), (401, "401.002.01", 2), (400, "400.002.02", 1),
    (404, "404.001.04", 1),
    (404, "", 1),
])  # fmt: skip
def test_only_an_answer_about_the_token_sends_mpesas_bytes_again(status: int, code: str, sends: int) -> None:
    """What is refused for another reason goes once: of a second copy nobody would know."""
    made, sent = gateway("mpesa"), list[bytes]()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/generate"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": "3599"})
        sent.append(request.content)
        return httpx.Response(status, json={"errorCode": code})

    async def story() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=made.auth()) as client:
            return (await client.post("https://api.operator.example/mpesa/b2c", json={})).content

    assert code.encode() in asyncio.run(story())
    assert len(sent) == sends
