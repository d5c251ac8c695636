"""Cancelling what was sent: the request is valid and says what was sent; the answer cancels only what it accepts."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from gateway_bank_transfer.cancelling import original, request
from gateway_bank_transfer.profile import load
from gateway_bank_transfer.writing.checking import schema
from lxml import etree

from .conftest import SCHEMAS, made, payment, published
from .saying import CANCELLED, ONE, TWO, after, booking, report, statement, whole

AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def line(key: str, status: str, reason: str = "") -> str:
    why = f"<CxlStsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></CxlStsRsnInf>" if reason else ""
    return CANCELLED.format(details=(
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>DEMO-1-001</OrgnlPmtInfId><TxInfAndSts>"
        f"<OrgnlEndToEndId>{key}</OrgnlEndToEndId><TxCxlSts>{status}</TxCxlSts>{why}</TxInfAndSts></OrgnlPmtInfAndSts>"
    ))  # fmt: skip


@published
@pytest.mark.parametrize("profile", ["local_ach", "central_bank"])
@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_request_is_valid_and_quotes_what_was_sent(profile: str, lines: int) -> None:
    [(document, body)], _ = made([payment(n, profile) for n in range(3)], load(profile))
    of = original(io.BytesIO(body))
    keys = list(document.lines.values())[:lines]
    tree = etree.fromstring(request(of, "", "CUST", AT, "CX1", keys))
    version = etree.QName(tree).namespace.rsplit(":", 1)[-1]
    valid = schema(SCHEMAS, version)
    assert valid is not None
    valid.assertValid(tree)
    space = {"c": etree.QName(tree).namespace}
    assert tree.xpath("//c:OrgnlEndToEndId/text()", namespaces=space) == keys
    assert tree.xpath("//c:OrgnlMsgId/text()", namespaces=space) == [of.msg_id]


def test_the_same_request_has_the_same_bytes_and_a_strange_line_none() -> None:
    [(document, body)], _ = made([payment(n) for n in range(3)], load("local_ach"))
    of, key = original(io.BytesIO(body)), next(iter(document.lines.values()))
    assert request(of, "", "CUST", AT, "CX1", [key]) == request(of, "", "CUST", AT, "CX1", [key])
    for wrong in ({"lines": ["GNOTOURS0000000"]}, {"reason": "WHIM"}):
        with pytest.raises(ValueError, match="no "):
            request(of, "", **{"reason": "CUST", "at": AT, "ident": "CX1", **wrong})  # type: ignore[arg-type]


def test_only_an_accepted_cancellation_cancels() -> None:
    assert set(after(whole("ACCR")).states().values()) == {"CANCELLED"}
    assert after(line(ONE, "ACCR")).states() == {ONE: "CANCELLED", TWO: "SUBMITTED"}
    for answer in (
        whole("RJCR", "ARDT"),
        whole("PDCR"),
        line(ONE, "RJCR", "NOOR"),
        whole("ACCR", msg_id="OTHER"),
    ):
        assert set(after(answer).states().values()) == {"SUBMITTED"}
    assert any("never received" in why for _, why in after(line(ONE, "RJCR", "NOOR")).looked_at())


def test_what_is_booked_is_not_cancelled_by_an_answer() -> None:
    for order in ([statement(booking(ONE)), line(ONE, "ACCR")], [line(ONE, "ACCR"), statement(booking(ONE))]):
        made_of = after(report("ACSP"), *order)
        assert made_of.states()[ONE] == "PAID" and (ONE, "refused, and booked") in made_of.looked_at()
