"""What shows only when lines are compared."""

from __future__ import annotations

import pytest

from .conftest import Take

HEADER = "invoice,beneficiary,name,account_type,account,amount,currency,programme,cycle,instalment\n"


def lines(*rows: str) -> str:
    """A file from rows `invoice beneficiary account amount [currency [cycle [instalment]]]`."""
    text = HEADER
    for row in rows:
        invoice, who, account, amount, currency, cycle, instalment = [
            *row.split(),
            *["UGX", "c", ""][len(row.split()) - 4 :],
        ]
        kind = "payment_point" if account.startswith("point") else "wallet"
        cycle = cycle.strip("-")
        text += (
            f"{invoice},{who},Ann,{kind},{account},{amount},{currency},{'p' if cycle else ''},{cycle},{instalment}\n"
        )
    return text


def test_a_repeated_invoice_names_the_first_line(take: Take) -> None:
    taken = take(lines("1 B1 w-1 5", "2 B2 w-2 5", "1 B3 w-3 5", "1 B4 w-4 -5"))
    found = [(m.line, m.code) for m in taken.mistakes]
    assert found == [(4, "duplicate_invoice"), (5, "negative"), (5, "duplicate_invoice")]
    assert "on line 2" in taken.mistakes[0].reason


def test_a_repeated_entitlement_names_the_first_line(take: Take) -> None:
    taken = take(
        lines(
            "1 B1 w-1 5", "2 B1 w-1 6", "3 B1 w-1 7 UGX c 2", "4 B1 w-1 8 UGX d", "5 B1 w-1 9 UGX -", "6 B1 w-1 9 UGX -"
        )
    )
    assert [(m.line, m.code) for m in taken.mistakes] == [(3, "duplicate_entitlement")]
    assert "B1 for p c is on line 2" in taken.mistakes[0].reason


def test_a_payroll_has_one_currency_the_most_frequent(take: Take) -> None:
    taken = take(lines("1 B1 w-1 5 KES", "2 B2 w-2 5", "3 B3 w-3 5", "4 B4 w-4 5 USD"))
    assert [(m.line, m.code) for m in taken.mistakes] == [(2, "mixed_currencies"), (5, "mixed_currencies")]
    assert (taken.currency, str(taken.total), taken.count) == ("UGX", "10 UGX", 4)
    assert take(lines("1 B1 w-1 5 KES", "2 B2 w-2 5")).currency == "KES"  # of equally many, the first


def test_a_shared_account_is_a_warning(take: Take) -> None:
    taken = take(lines("1 B1 w-1 5", "2 B2 w-1 6", "3 B1 w-1 7 UGX d", "4 B4 w-4 5"))
    assert (taken.mistakes, list(taken.objections)) == ([], [])
    assert [(m.line, m.field) for m in taken.warnings] == [(3, "account")]
    assert "'B1' on line 2" in taken.warnings[0].reason


def test_with_amount_and_cycle_the_same_it_is_an_objection_to_each_line(take: Take) -> None:
    taken = take(lines("1 B1 w-1 5", "2 B2 w-1 5", "3 B3 w-1 6", "4 B4 w-1 5 UGX d"))
    assert [line for line, _ in taken.objections] == [2, 3]
    assert [line for line, _ in taken.objections] == [2, 3]  # as often as one likes
    assert len(taken.objections) == 2
    assert {(o.code, o.source, o.blocks) for _, o in taken.objections} == {("shared_account", "intake", True)}
    assert "2 people receive 5 UGX each on wallet w-1 in cycle c" in next(iter(taken.objections))[1].message
    assert [m.line for m in taken.warnings] == [4, 5]


def test_many_are_paid_at_one_payment_point(take: Take) -> None:
    taken = take(lines("1 B1 point-1 5", "2 B2 point-1 5"))
    assert (taken.warnings, len(taken.objections)) == ([], 0)


def test_one_account_in_two_spellings_is_one(take: Take) -> None:
    text = HEADER + "1,B1,Ann,msisdn,+256700123456,5,UGX,p,c,\n2,B2,Bob,msisdn,256 700-123456,5,UGX,p,c,\n"
    assert len(take(text).objections) == 2


@pytest.mark.parametrize(
    ("controls", "reason"),
    [
        ({"control_count": 2, "control_total": "11.00"}, ""),
        ({"control_count": 3}, "has 2 lines, declared are 3"),
        ({"control_total": "12"}, "add up to 11 UGX, declared is 12 UGX"),
        ({"control_total": "1,100"}, "separators"),
    ],
)
def test_control_sums(take: Take, controls: dict[str, object], reason: str) -> None:
    mistakes = take(lines("1 B1 w-1 5", "2 B2 w-2 6"), **controls).mistakes
    assert [m.line for m in mistakes] == ([0] if reason else [])
    assert reason in "".join(m.reason for m in mistakes)


def test_a_total_that_cannot_be_known_is_not_compared(take: Take) -> None:
    taken = take(lines("1 B1 w-1 x", "2 B2 w-2 6"), control_total="11", control_count=2)
    assert [m.code for m in taken.mistakes] == ["not_a_number"]


def test_the_default_channel_must_be_known(take: Take) -> None:
    assert [(m.line, m.code) for m in take(lines("1 B1 w-1 5"), default_channel="x").mistakes] == [
        (0, "unknown_channel")
    ]
    assert [m.code for m in take(lines("1 B1 w-1 1001"), default_channel="small").mistakes] == ["above_limit"]


def test_pages_and_entitlements_go_through_all_lines_in_order(take: Take) -> None:
    taken = take(lines(*(f"{i} B{i} w-{i} 5" for i in range(250))))
    pages = list(taken.pages(100))
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [line for page in pages for line, _ in page] == list(range(2, 252))
    invoices = [i for page in pages for _, i in page]
    asked = [entry for page in taken.entitlements(70) for entry in page]
    assert [(entitlement, id) for _, entitlement, id in asked] == [(i.entitlement, i.id) for i in invoices]
