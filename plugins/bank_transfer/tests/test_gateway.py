"""The channel over a store: what statements say of the account, files that do not hold together, a changed profile."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_bank_transfer import BankTransferGateway
from gateway_bank_transfer.simulator import answers
from gateway_bank_transfer.simulator.orders import read

from gateway_core.contract import Account, Incoming, Money
from gateway_core.model.errors import ConfigurationError, WrongState
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster

from .desk import Desk, imported
from .saying import ACCOUNT, NOW

# In Ethiopic letters.
AMINA = "\u12a0\u121a\u1293"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.of(tmp_path, 4)


@pytest.fixture
def paymaster(desk: Desk) -> Iterator[Paymaster]:
    with Paymaster.open(desk.folder / "gateway.toml") as opened:
        yield opened


def invoices(count: int = 3, **changes: Any) -> list[Invoice]:
    return [
        Invoice(**{
            "id": f"inv-{n}", "beneficiary": f"ben-{n}", "name": f"Amina {n}", "amount": Money(50_000, "UGX"),
            "account": Account("bank_account", f"040147/001:{n:010d}"), "programme": "grant", "cycle": "2026-11",
            **changes,
        })
        for n in range(count)
    ]  # fmt: skip


def local(n: int) -> Account:
    return Account("bank_account", f"040147/001:900000000{n}")


def statement(number: int, opening: int = 10**9, account: str = ACCOUNT) -> bytes:
    return "".join(answers.statement("camt.053", number, account, "UGX", opening, [], NOW)).encode()


def test_the_balance_is_the_last_statements_with_its_day(paymaster: Paymaster) -> None:
    payroll = paymaster.propose("november", invoices(), channel="bank", by="amina")
    assert paymaster.check(payroll).balances == {"bank": None}
    imported(paymaster, statement(7, 200_000))
    report = paymaster.check(payroll)
    assert report.balances == {"bank": Money(200_000, "UGX")} and report.good
    assert [(found.objection.code, "2026-11-30" in found.objection.message) for found in report.warnings] == [
        ("balance_of", True)
    ]
    imported(paymaster, statement(8, 100_000))
    assert [found.objection.code for found in paymaster.check(payroll).objections] == ["insufficient_balance"]


def test_whatever_a_file_cannot_have_is_told_before_anybody_approves(paymaster: Paymaster) -> None:
    """Currency, amount, name, BIC, account, all at once; what is told is what would be left out of the file."""
    lines = [
        *invoices(1),
        *invoices(1, id="other-money", beneficiary="b-1", amount=Money(500, "KES"), account=local(1)),
        *invoices(1, id="letters", beneficiary="b-2", name=AMINA, account=local(2), extra={"bic": "nonsense"}),
        *invoices(1, id="latin", beneficiary="b-3", name=AMINA, account=local(3), extra={"name_latin": "Amina"}),
        *invoices(1, id="account", beneficiary="b-4", account=Account("iban", "DE89370400440532013000")),
    ]
    both = [
        paymaster.propose(name, some, channel="bank", by="amina")
        for name, some in (("shillings", lines[:1] + lines[2:]), ("others", lines[1:2]))
    ]
    found = [one for payroll in both for one in paymaster.check(payroll).objections]
    assert {(one.invoice, one.objection.code) for one in found} == {
        ("other-money", "AM03"), ("letters", "RR10"), ("letters", "RC01"), ("account", "AC01")
    }  # fmt: skip
    (foreign,) = [one.objection.message for one in found if one.objection.code == "AM03"]
    assert foreign == "this bank pays in UGX, not in KES"

    for payroll in both:
        paymaster.release_objections(payroll, by="amina", reason="to see what the file says")
        paymaster.approve(payroll, by="joseph", despite="to see what the file says")
        paymaster.run(payroll, wait=0)
    refused = {view.invoice: view.reason for payroll in both for view in paymaster.payments(payroll, state="refused")}
    assert refused.keys() == {one.invoice for one in found}
    assert all(one.objection.message in refused[one.invoice] for one in found)


def test_law_2_a_payment_that_stands_twice_in_one_entry_was_paid_twice(desk: Desk, paymaster: Paymaster) -> None:
    """Two entries of one reference are one entry, told again; two details of one entry are two payments."""
    payroll = paymaster.propose("november", invoices(2), channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    paymaster.run(payroll, wait=0)
    (path,) = (desk.folder / "bank/out").glob("*.xml")
    first, second = (line.key for line in read(path.read_bytes()).lines)
    single = answers.Booking("E-1", 50_000, "UGX", [(first, 50_000)])
    twice = answers.Booking("E-2", 100_000, "UGX", [(second, 50_000), (second, 50_000)])
    for number, (of, cases) in enumerate((([single, single], []), ([single, twice], ["paid_twice"]))):
        for kind in ("camt.053", "camt.054"):
            body = "".join(answers.statement(kind, 1 + number, ACCOUNT, "UGX", 10**9, of, NOW)).encode()
            imported(paymaster, body)
            assert [case.kind for case in paymaster.cases()] == cases, kind
    assert {view.state for view in paymaster.payments(payroll)} == {"paid"}
    assert paymaster.verify().ok


def test_a_long_statement_is_seen_to_go_on_before_its_end(paymaster: Paymaster) -> None:
    """Nothing of it is said before it was read whole; who is silent for so long would be taken for one that hangs."""
    entries = [answers.Booking(f"B-{n}", 100, "UGX", [(f"K-{n}", 100)]) for n in range(2000)]
    body = "".join(answers.statement("camt.053", 1, ACCOUNT, "UGX", 10**9, entries, NOW)).encode()
    gateway = paymaster.configuration.channel("bank").gateway
    assert isinstance(gateway, BankTransferGateway)
    said = list(gateway.read_statement(Incoming("long", "0" * 64, len(body), NOW, lambda: io.BytesIO(body))))
    signs = next(n for n, one in enumerate(said) if one is not None)
    assert signs >= 4 and None not in said[signs:] and len(said) == signs + 2000 + 1


def test_a_statement_that_is_missing_is_said_until_it_comes(paymaster: Paymaster) -> None:
    payroll = paymaster.propose("november", invoices(), channel="bank", by="amina")
    for number in (7, 9):
        imported(paymaster, statement(number))
    codes = {found.objection.code: found.objection.message for found in paymaster.check(payroll).warnings}
    assert "no statement 8 came" in codes["statement_missing"]
    imported(paymaster, statement(8))
    assert "statement_missing" not in {found.objection.code for found in paymaster.check(payroll).warnings}


def test_a_statement_that_does_not_begin_where_the_one_before_ended_is_said(paymaster: Paymaster) -> None:
    payroll = paymaster.propose("november", invoices(), channel="bank", by="amina")
    for number, opening in ((7, 500_000), (8, 500_000), (9, 400_000)):
        imported(paymaster, statement(number, opening))
    codes = {found.objection.code: found.objection.message for found in paymaster.check(payroll).warnings}
    assert "statement 9 does not begin" in codes["statement_broken"]


def test_another_accounts_statement_is_no_balance_of_ours(paymaster: Paymaster) -> None:
    payroll = paymaster.propose("november", invoices(), channel="bank", by="amina")
    imported(paymaster, statement(1, account="999"))
    assert paymaster.check(payroll).balances == {"bank": None}


def test_a_statement_that_does_not_balance_changes_nothing_and_is_a_case(paymaster: Paymaster) -> None:
    body = "".join(answers.statement("camt.053", 1, ACCOUNT, "UGX", 10**9, [], NOW))
    wrong = body.replace("<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"UGX\">1000000000", "<Cd>CLBD</Cd></CdOrPrtry></Tp>"
                         '<Amt Ccy="UGX">1000000001')  # fmt: skip
    with pytest.raises(WrongState, match="does not balance"):
        paymaster.import_statement("bank", wrong.encode(), by="amina")
    assert [case.kind for case in paymaster.cases()] == ["unreadable_answer"]


def test_accounts_are_checked_before_approval(paymaster: Paymaster) -> None:
    wrong = invoices(1, account=Account("iban", "DE89370400440532013000"))
    payroll = paymaster.propose("november", wrong, channel="bank", by="amina")
    assert [found.objection.code for found in paymaster.check(payroll).objections] == ["AC01"]


def test_a_payment_that_cannot_be_written_is_refused_with_every_reason_and_nothing_of_it_left(
    desk: Desk, paymaster: Paymaster
) -> None:
    lines = [*invoices(2), *invoices(1, id="wrong", beneficiary="x", name="አበበ", amount=Money(7, "UGX"))]
    payroll = paymaster.propose("november", lines, channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    paymaster.run()
    states = {view.invoice: (view.state, view.reason) for view in paymaster.payments(payroll)}
    assert states["wrong"][0] == "refused" and "name_latin" in states["wrong"][1]
    assert {states[f"inv-{n}"][0] for n in range(2)} == {"pending"}
    [path] = (desk.folder / "bank" / "out").iterdir()
    assert b"<NbOfTxs>2</NbOfTxs>" in path.read_bytes()


def test_a_changed_profile_pauses_what_was_approved_under_the_old_one(desk: Desk, paymaster: Paymaster) -> None:
    payroll = paymaster.propose("november", invoices(), channel="bank", by="amina")
    paymaster.approve(payroll, by="joseph")
    paymaster.close_store()
    place = desk.folder / "bank.toml"
    place.write_text(place.read_text().replace('charge_bearer = "DEBT"', 'charge_bearer = "SHAR"'))
    with Paymaster.open(desk.folder / "gateway.toml") as again:
        again.run()
        assert {view.state for view in again.payments(payroll)} <= {"ready", "planned"}
    assert not list((desk.folder / "bank" / "out").iterdir())


@pytest.mark.parametrize(("old", "new", "said"), [
    ('institution_account = "040147:0055667788"', 'institution_account = "none"', "institution_account"),
    ('debtor_name = "Ministry"', 'debtor_name = "ሚኒስቴር"', "debtor_name"),
    ("quiet = 0.0", 'quiet = 0.0\nsftp_host = "127.0.0.1"', "sftp_host_key"),
])  # fmt: skip
def test_settings_that_the_bank_would_refuse_are_refused_at_the_start(
    desk: Desk, old: str, new: str, said: str
) -> None:
    place = desk.folder / "gateway.toml"
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))
    with pytest.raises(ConfigurationError, match=said), Paymaster.open(place) as paymaster:
        paymaster.configuration.channel("bank")


@pytest.mark.parametrize("folder", ["", "there"])
def test_files_that_would_not_be_validated_are_never_written(desk: Desk, tmp_path: Path, folder: str) -> None:
    """A folder that is misspelt, or has no schema of this version, must not pass for one that has."""
    schemas = tmp_path / "schemas" / folder
    if folder:
        schemas.mkdir(parents=True)
        (schemas / "pain.001.001.11.xsd").write_text("<xs:schema/>")
    file = desk.folder / "gateway.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("schemas")]
    at = next(n for n, line in enumerate(lines) if line.startswith("[channels.bank"))
    file.write_text("\n".join([*lines[: at + 1], f'schemas = "{schemas}"', *lines[at + 1 :]]) + "\n")
    with Paymaster.open(file) as paymaster, pytest.raises(ConfigurationError, match=r"schemas: .* has no pain\.001"):
        paymaster.propose("november", invoices(), channel="bank", by="amina")
