"""Writes the example payrolls of this folder: `python examples/make_examples.py [DIRECTORY]`.

The same bytes on every run (a test compares them), so that anyone can change an example and see what changed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from gateway_core.cli.demo_payroll import payroll, table

# (what a check says, or ok, and why; the cells that differ from a good line). Line 2 is good, and repeated by others.
FAULTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("ok: nothing is wrong with this line", {}),
    ("ok: zeros beyond the currency's decimals are harmless", {"amount": "75000.00"}),
    ("ok: spaces around a value are cut off", {"beneficiary": "  UG-0003 ", "amount": " 80000 "}),
    ("ok: a quoted cell may go on\non the next line of the file", {}),
    ("missing: no invoice id", {"invoice": ""}),
    ("missing: no beneficiary", {"beneficiary": "   "}),
    ("missing: no name", {"name": ""}),
    ("missing: no account type", {"account_type": ""}),
    ("missing: no account", {"account": ""}),
    ("missing: no amount", {"amount": ""}),
    ("missing: no currency", {"currency": ""}),
    ("duplicate_invoice: the id of line 2", {"invoice": "F-001"}),
    ("duplicate_entitlement: the beneficiary of line 2, same programme and cycle", {"beneficiary": "UG-0001"}),
    ("zero: owes nothing", {"amount": "0.00"}),
    ("negative: an amount owed has no sign", {"amount": "-50000"}),
    ("not_a_number: in words", {"amount": "fifty thousand"}),
    ("not_a_number: NaN is no amount", {"amount": "NaN"}),
    ("separators: of thousands", {"amount": "50,000"}),
    ("separators: of thousands, as spaces", {"amount": "50 000"}),
    ("too_precise: the shilling has no cents", {"amount": "50000.50"}),
    ("too_large: more than any payment", {"amount": "5000000000000"}),
    ("above_limit: a mistake where the channel has max_amount = 1000000", {"amount": "5000000"}),
    ("unknown_currency: no such code", {"currency": "UGS"}),
    ("mixed_currencies: the others are in UGX", {"currency": "KES"}),
    ("unknown_type: no such account type", {"account_type": "cash"}),
    ("implausible: too short for a wallet", {"account": "w"}),
    ("implausible: no country code", {"account_type": "msisdn", "account": "0700123456"}),
    ("implausible: one digit repeated", {"account_type": "msisdn", "account": "7777777777"}),
    ("implausible: wrong check digits", {"account_type": "iban", "account": "DE89370400440532013001"}),
    ("implausible: no bank code", {"account_type": "bank_account", "account": "0012345678"}),
    ("scientific: a spreadsheet rounded it", {"account_type": "msisdn", "account": "2.56701E+11"}),
    ("not_a_name: no letter in it", {"name": "-"}),
    ("too_long: a name of 141 characters", {"name": "A" * 141}),
    ("too_long: an invoice id of 129 characters", {"invoice": "F-" + "9" * 127}),
    ("control_character: a bell", {"name": "Grace\aNakato"}),
    ("control_character: turns the direction of the text", {"name": "Grace \u202eotakaN"}),
    ("control_character: an invisible space in an id", {"beneficiary": "UG\u200b0040"}),
    ("encoding: a byte of Latin-1 in a file of UTF-8", {"name": "Ren\udce9e Traore"}),
    ("formula: fetches a web page when opened", {"name": '=HYPERLINK("http://example.org","Grace")'}),
    ("formula: begins with a plus sign, and is no number", {"beneficiary": "+1+cmd|' /C calc'!A0"}),
    ("formula: an error of a spreadsheet", {"account": "#N/A"}),
    ("unknown_channel: not configured", {"channel": "dumy-chanel"}),
    ("shared_account: the account of line 2, another amount: a warning", {"account": "w-25670000001"}),
    ("objection: the account, amount and cycle of line 2", {"account": "w-25670000001", "amount": "50000"}),
)
# Lines that are broken as lines.
BROKEN = (
    "F-101,UG-0101,Too Few Cells,wallet,w-25670000101,50000,UGX",
    "F-102,UG-0102,Too Many Cells,wallet,w-25670000102,50000,UGX,child-grant,2026-11,,,too_many_cells: one more,x",
    'F-103,UG-0103,"Bad" Quotes,wallet,w-25670000103,50000,UGX,child-grant,2026-11,,,bad_quotes: not doubled',
    'F-104,UG-0104,"Open Quote,wallet,w-25670000104,50000,UGX,child-grant,2026-11,,,open_quote: to the end of the file',
)


def faulty() -> Iterator[dict[str, str]]:
    """A line per kind of mistake; the column `note` says which."""
    for number, (note, cells) in enumerate(FAULTS, 1):
        yield {
            "invoice": f"F-{number:03d}",
            "beneficiary": f"UG-{number:04d}",
            "name": "Grace Nakato",
            "account_type": "wallet",
            "account": f"w-256700{number:05d}",
            "amount": "50000" if number == 1 else str(50_000 + 5_000 * number),
            "currency": "UGX",
            "programme": "child-grant",
            "cycle": "2026-11",
            "channel": "",
            "refrence": "",  # nearly the column `reference`: a mistake of the header
            "note": note,
        } | cells


def main(directory: Path) -> None:
    """Write both files."""
    (directory / "payroll-1000.csv").write_bytes(table(payroll()))
    (directory / "payroll-faulty.csv").write_bytes(table(faulty(), BROKEN))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
