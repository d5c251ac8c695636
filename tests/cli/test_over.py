"""A payroll that is over is told as such: nothing is said to go any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.model.errors import WrongState

if TYPE_CHECKING:
    from tests.conftest import Shop


def test_what_is_closed_is_neither_paused_nor_resumed(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(2))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    with pytest.raises(WrongState, match="is reconciled"):
        shop.paymaster.pause(payroll, by="amina", reason="late")
    with pytest.raises(WrongState, match="is reconciled"):
        shop.paymaster.resume(payroll, by="amina")


def test_proposing_what_was_paid_says_that_nothing_was_proposed(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    propose = ("propose", str(desk.payroll("november", 3)), "--channel", "dummy", "--by", "amina")
    assert desk.run(*propose) == 0
    assert "proposed 'november'" in capsys.readouterr().out
    assert desk.run("approve", "november", "--by", "joseph") == 0 and desk.run("run", "--wait", "20") == 0
    capsys.readouterr()
    assert desk.run(*propose) == 0
    said = capsys.readouterr().out
    assert "nothing was proposed" in said and "is awaiting_reconciliation" in said and "next:" not in said
