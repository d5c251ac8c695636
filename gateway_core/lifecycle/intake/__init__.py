"""Intake: a payroll file, or invoice objects, read once with every mistake in it.

    rows (csv_rows, json_rows, object_rows; points)  ->  lines (text, money, account, channel)  ->  scratch  ->  compare

Reading gives rows of raw text, each row is checked alone and kept in a scratch file, and what only shows between lines
(repetitions, a second currency, shared accounts) is asked of that file in SQL. Whether an entitlement is already paid
or live in another payroll is for the store to say: `Taken.entitlements` gives it the pages to ask with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ...model.beneficiary import Beneficiary
from ...model.payment import Invoice
from .compare import Objections, compare
from .findings import Findings, Heard, Problem, Unreadable, shown
from .lines import LineCheck
from .points import Assigner
from .rows import rows_of
from .rules import COLUMNS, OPTIONAL, REQUIRED, Rules
from .scratch import Scratch
from .sums import Sums, check_controls
from .taken import Taken

__all__ = ["COLUMNS", "OPTIONAL", "REQUIRED", "Assigner", "Objections", "Rules", "Taken", "read"]

Source = Path | str | Iterable[Invoice] | Iterable[Beneficiary]
_EACH = 5000


def read(
    source: Source, rules: Rules, scratch_dir: Path | None = None, progress: Callable[[int], None] | None = None
) -> Taken:
    """Read a file (CSV or JSON Lines; a str is its path) or invoice objects, and find every mistake in one pass.

    Memory does not grow with the number of lines: they go to an unnamed file in `scratch_dir` (default: the system's
    temporary directory). `progress` hears the number of lines so far, now and then. What is wrong with the input is
    never an exception; what a caller's iterable raises passes through.
    """
    scratch = Scratch(scratch_dir)
    try:
        return _read(source, rules, scratch, progress or (lambda count: None))
    except BaseException:
        scratch.close()
        raise


def _read(source: Source, rules: Rules, scratch: Scratch, progress: Callable[[int], None]) -> Taken:
    heard, sums = Heard(Findings(rules.max_mistakes), Findings(rules.max_mistakes)), Sums()
    if rules.default_channel not in rules.channels:
        reason = f"{shown(rules.default_channel)} is not a configured channel"
        heard.mistakes.add(Problem("channel", "unknown_channel", reason, "name one that the configuration has").at(0))
    try:
        _take(source, rules, heard, sums, scratch, progress)
        check_controls(sums, rules, heard.mistakes)
    except Unreadable as error:
        heard.mistakes.add(error.mistake)
    scratch.flush()
    progress(sums.count)
    compare(scratch, sums, heard, rules.max_mistakes)
    return Taken(
        mistakes=heard.mistakes.listed(),
        more=heard.mistakes.more,
        counts=dict(heard.mistakes.counts),
        warnings=heard.notes.listed(),
        more_warnings=heard.notes.more,
        objections=Objections(scratch),
        count=sums.count,
        currency=sums.currency,
        total=sums.total,
        columns=tuple(heard.extra),
        scratch=scratch,
    )


def _take(
    source: Source, rules: Rules, heard: Heard, sums: Sums, scratch: Scratch, progress: Callable[[int], None]
) -> None:
    """Check and keep each line."""
    check, mistakes = LineCheck(rules), heard.mistakes
    rows = rows_of(source, rules, heard)
    for row in rows if rules.fill is None else rules.fill(rows):
        record, wrong = check(row)
        for mistake in wrong:
            mistakes.add(mistake)
        scratch.add(record)
        sums.add(record)
        if sums.count % _EACH == 0:
            progress(sums.count)
    if not sums.count and not mistakes.total:
        raise Unreadable(0, Problem("file", "empty", "the payroll has no lines", "add a line per invoice"))
