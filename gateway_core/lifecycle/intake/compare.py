"""What only shows when lines are compared: repetitions, a second currency, shared accounts. All of it is SQL."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ...model.errors import Mistake
from ...model.money import amount_text
from ...model.payment import Objection
from .findings import Findings, Heard, Problem
from .rules import SHARED_BY_NATURE
from .scratch import Scratch
from .sums import Sums


@attrs.frozen
class Repetition:
    """Lines that must differ in `keys` (the most telling first, for speed). `shown` is an expression for messages."""

    field: str
    code: str
    keys: tuple[str, ...]
    where: str
    shown: str
    reason: str
    mend: str


REPETITIONS = (
    Repetition(
        "invoice", "duplicate_invoice", ("invoice",), "true", "a.invoice",
        "invoice {shown!r} is on line {first} too", "give every invoice its own id, or leave the repeated line out",
    ),
    # Law 9. Without programme and cycle the invoice id is the entitlement, and that is the row above.
    Repetition(
        "beneficiary", "duplicate_entitlement", ("beneficiary", "instalment", "cycle", "programme"),
        "(programme <> '' OR cycle <> '')",
        "a.beneficiary || ' for ' || trim(a.programme || ' ' || a.cycle || ' ' || a.instalment)",
        "{shown} is on line {first} too", "pay it once: leave the line out, or give it an instalment of its own",
    ),
)  # fmt: skip


def compare(scratch: Scratch, sums: Sums, heard: Heard, limit: int) -> None:
    """Find everything of this module; `limit` of each sort are listed, all are counted."""
    find_repetitions(scratch, heard.mistakes, limit)
    find_second_currency(scratch, sums, heard.mistakes, limit)
    find_shared_accounts(scratch, heard.notes, limit)


def find_repetitions(scratch: Scratch, mistakes: Findings, limit: int) -> None:
    """Report every later line that repeats an earlier one, with the earlier one's number."""
    for kind in REPETITIONS:
        if not _any_repeated(scratch, kind.keys[0]):
            continue
        keys = ", ".join(kind.keys)
        known = " AND ".join(f"{key} IS NOT NULL" for key in kind.keys)
        same = " AND ".join(f"a.{key} = b.{key}" for key in kind.keys)
        scratch.execute(
            f"CREATE TEMP TABLE repeated AS SELECT {keys}, min(line) AS first, count(*) AS times FROM line"  # noqa: S608
            f" WHERE {known} AND {kind.where} GROUP BY {keys} HAVING count(*) > 1"
        )
        (total,) = scratch.one("SELECT coalesce(sum(times - 1), 0) FROM repeated")
        if total:
            scratch.execute(f"CREATE INDEX temp.by_key ON repeated ({keys})")
            rows = scratch.execute(
                f"SELECT a.line, {kind.shown}, b.first FROM line a CROSS JOIN repeated b ON {same}"  # noqa: S608
                " WHERE a.line > b.first ORDER BY a.line LIMIT ?",
                (limit,),
            ).fetchall()
            mistakes.extend((_repeated(kind, *row) for row in rows), total, kind.code)
        scratch.execute("DROP TABLE repeated")


def _any_repeated(scratch: Scratch, key: str) -> bool:
    """Most payrolls repeat nothing, and sorting one column costs half of what sorting with all that we report does."""
    sql = f"SELECT 1 FROM line WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    return scratch.execute(sql).fetchone() is not None


def _repeated(kind: Repetition, line: int, shown: str, first: int) -> Mistake:
    return Problem(kind.field, kind.code, kind.reason.format(shown=shown, first=first), kind.mend).at(line)


def find_second_currency(scratch: Scratch, sums: Sums, mistakes: Findings, limit: int) -> None:
    """Report the lines in another currency than the payroll's."""
    currency = sums.currency
    if currency is None or len(sums.tallies) == 1:
        return
    others = sum(tally.lines for other, tally in sums.tallies.items() if other != currency)
    sql = "SELECT line, currency FROM line WHERE currency <> ? AND amount IS NOT NULL ORDER BY line LIMIT ?"
    rows = scratch.execute(sql, (currency, limit)).fetchall()
    mend = "a payroll has one currency: propose the others as payrolls of their own"
    found = (
        Problem("currency", "mixed_currencies", f"is {other}, the payroll's is {currency}", mend).at(line)
        for line, other in rows
    )
    mistakes.extend(found, others, "mixed_currencies")


def find_shared_accounts(scratch: Scratch, warnings: Findings, limit: int) -> None:
    """Find accounts of several people: a warning per line; an objection if amount and cycle are the same too (law 9).

    Leaves the table `objection` for `Objections`.
    """
    marks = ", ".join("?" * len(SHARED_BY_NATURE))
    scratch.execute("CREATE TEMP TABLE objection (line INTEGER PRIMARY KEY, people INTEGER, first INTEGER)")
    if not _any_repeated(scratch, "account"):
        return
    scratch.execute(
        "CREATE TEMP TABLE shared AS SELECT account_type, account, min(line) AS first FROM line"  # noqa: S608
        f" WHERE account IS NOT NULL AND beneficiary IS NOT NULL AND account_type NOT IN ({marks})"
        " GROUP BY account, account_type HAVING min(beneficiary) <> max(beneficiary)",
        SHARED_BY_NATURE,
    )
    if scratch.one("SELECT count(*) FROM shared") == (0,):
        return
    for statement in _SUSPECTS:
        scratch.execute(statement)
    (total,) = scratch.one(f"SELECT count(*) {_WARNED}")
    rows = scratch.execute(
        f"SELECT s.line, s.account_type, s.account, s.first, f.beneficiary {_WARNED} ORDER BY s.line LIMIT ?",
        (limit,),
    ).fetchall()
    warnings.extend((_warning(*row) for row in rows), total, "shared_account")


_SUSPECTS = (
    "CREATE INDEX temp.by_account ON shared (account, account_type)",
    "CREATE TEMP TABLE suspect AS SELECT a.line, a.beneficiary, a.account_type, a.account, a.amount, a.currency,"
    " a.cycle, b.first FROM line a CROSS JOIN shared b ON a.account = b.account AND a.account_type = b.account_type"
    " WHERE a.beneficiary IS NOT NULL",
    "CREATE TEMP TABLE same AS SELECT account, account_type, amount, currency, cycle, min(line) AS first,"
    " count(DISTINCT beneficiary) AS people FROM suspect"
    " WHERE amount IS NOT NULL AND currency IS NOT NULL AND cycle IS NOT NULL"
    " GROUP BY account, account_type, amount, currency, cycle HAVING min(beneficiary) <> max(beneficiary)",
    "CREATE INDEX temp.by_all ON same (account, account_type, amount, currency, cycle)",
    "INSERT INTO objection SELECT s.line, e.people, e.first FROM suspect s CROSS JOIN same e"
    " ON s.account = e.account AND s.account_type = e.account_type AND s.amount = e.amount"
    " AND s.currency = e.currency AND s.cycle = e.cycle",
)
# Later lines of another person than the first line's; those with an objection are told so there.
_WARNED = (
    "FROM suspect s JOIN line f ON f.line = s.first WHERE s.beneficiary <> f.beneficiary"
    " AND s.line NOT IN (SELECT line FROM objection)"
)


def _warning(line: int, type: str, account: str, first: int, other: str) -> Mistake:
    reason = f"{type} {account} is the account of {other!r} on line {first} too"
    return Problem("account", "shared_account", reason, "check that both people really use it").at(line)


class Objections:
    """(line, Objection) of every line with one, in order. Iterate as often as needed: they are read, not remembered."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        (self._count,) = scratch.one("SELECT count(*) FROM objection")

    def __len__(self) -> int:
        return int(self._count)

    def __iter__(self) -> Iterator[tuple[int, Objection]]:
        rows = self._scratch.execute(
            "SELECT o.line, o.people, o.first, a.account_type, a.account, a.amount, a.currency, a.cycle"
            " FROM objection o JOIN line a ON a.line = o.line ORDER BY o.line"
        )
        for line, people, first, type, account, amount, currency, cycle in rows:
            money, where = f"{amount_text(amount, currency)} {currency}", f" in cycle {cycle}" if cycle else ""
            message = f"{people} people receive {money} each on {type} {account}{where}, the first on line {first}"
            yield line, Objection("shared_account", message, "intake")
