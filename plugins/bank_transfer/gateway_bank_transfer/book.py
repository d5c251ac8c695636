"""The picture of one file's lines that a bank's words give together, whatever their order.

    SUBMITTED < PENDING_AT_BANK < ACCEPTED < REJECTED, CANCELLED < PAID < RETURNED

Words are kept as a set per line, and a line's state is a function of that set: the same words in another order, or
twice, give the same picture. Nothing is guessed: another amount, another account, a batch that does not fit are
`reviews`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from gateway_core.contract import Money

from .amounts import money
from .profile import AnswerRules
from .words import Word

# What each word makes of a line by itself, in rising order; of two, the later counts.
STATES = {
    "submitted": "SUBMITTED", "pending": "PENDING_AT_BANK", "accepted": "ACCEPTED", "executing": "ACCEPTED",
    "settled": "ACCEPTED", "credited": "ACCEPTED", "cancelled": "CANCELLED", "rejected": "REJECTED",
    "booked": "PAID", "returned": "RETURNED",
}  # fmt: skip
RANKS = {says: rank for rank, says in enumerate(STATES)}
MONEY = frozenset({"booked", "returned"})
# A whole file cannot be refused any more once the bank has said so of any line.
CARRIED_OUT = frozenset({"executing", "settled", "credited", "booked", "returned"})
UNSAID = frozenset({"noted"})
PREFIX = 16


@attrs.frozen
class Item:
    """A line of the file."""

    e2e: str
    amount: Money
    instr: str = ""
    uetr: str = ""


@attrs.frozen
class Said:
    """One word about a line. `whole`: it was said of all."""

    says: str
    whole: bool
    reference: str
    reason: str


@attrs.define
class Book:
    """One file of ours. `reviews`: what people must look at, with the line ('' for none). `unmatched`: none of ours."""

    msg_id: str
    pmt_inf: str
    items: Mapping[str, Item]
    rules: AnswerRules
    said: dict[str, set[Said]] = attrs.field(factory=dict)
    reviews: set[tuple[str, str]] = attrs.field(factory=set)
    unmatched: set[tuple[Any, ...]] = attrs.field(factory=set)
    # {id: line}: of EndToEndId and InstrId, and of UETR in small letters.
    _ids: dict[str, str] = attrs.field(factory=dict)
    _uetrs: dict[str, str] = attrs.field(factory=dict)
    # Of the file that is being applied: lines with a word of their own in a report, and how often each thing was said.
    _own: set[str] = attrs.field(factory=set)
    _times: Counter[tuple[Any, ...]] = attrs.field(factory=Counter)

    def __attrs_post_init__(self) -> None:
        self._ids = {text: e2e for e2e, item in self.items.items() for text in (e2e, item.instr) if text}
        self._uetrs = {item.uetr.lower(): e2e for e2e, item in self.items.items() if item.uetr}

    @classmethod
    def of(cls, batch: Mapping[str, Any], rules: AnswerRules) -> Book:
        """From the description of a file, as JSON has it."""
        items = {}
        for row in batch["items"]:
            amount = money(str(row["amount"]), row.get("currency") or batch["currency"])
            if amount is None:
                raise ValueError(f"{row['amount']!r} is no amount in {batch['currency']}")
            item = Item(row["end_to_end_id"], amount, row.get("instr_id") or "", row.get("uetr") or "")
            items[item.e2e] = item
        return cls(str(batch.get("msg_id") or ""), str(batch.get("pmt_inf_id") or ""), items, rules)

    def apply(self, words: Iterable[Word]) -> int:
        """Take in those of one file. Returns how many said something new of a line."""
        self._own, self._times = set(), Counter()
        before = sum(map(len, self.said.values()))
        for word in words:
            if word.says == "foreign":
                self._strange(word)
            elif word.scope == "line":
                self._line(word)
            else:
                self._whole(word)
        return sum(map(len, self.said.values())) - before

    # -- one line -----------------------------------------------------------------------------------------------------

    def _line(self, word: Word) -> None:
        named = self._named(word)
        if len(named) != 1:
            if named:
                self.reviews.add(("", f"it names {', '.join(sorted(named))}"))
            elif not word.group and word.says != "noted":
                self.reviews.add(("", "a report about a line that is not ours"))
            self._strange(word)
            return
        line = named.pop()
        if not word.group and not word.cancellation and self.msg_id and word.msg_id not in ("", self.msg_id):
            self.reviews.add((line, f"a report about {word.msg_id}, which is not ours"))
            self._strange(word)
            return
        if not word.group:
            self._own.add(line)
        item, amount = self.items[line], money(word.amount, word.currency)
        if word.says == "review":
            self.reviews.add((line, word.why))
        elif word.says == "duplicate":
            self.reviews.add((line, "the bank has an earlier copy"))
        elif word.says not in UNSAID:
            if (word.says in MONEY and amount is None) or (amount is not None and amount != item.amount):
                self.reviews.add((line, f"{word.says} with {word.amount} {word.currency}, and it is {item.amount}"))
            else:
                self._say(line, word, whole=False)

    def _named(self, word: Word) -> set[str]:
        """The ladder; the first rung that names a line counts."""
        given = {word.e2e, word.instr} - {""}
        if found := {self._ids[text] for text in given if text in self._ids}:
            return found
        if (line := self._uetrs.get(word.uetr.lower())) is not None:
            return {line}
        in_text = {e2e for e2e in self.items if re.search(rf"(?<!\w){re.escape(e2e)}(?!\w)", word.text)}
        if given:
            self._proposed(given)
            if given & {self.msg_id, self.pmt_inf} or self._is_ours(word):
                self.reviews.add(("", "it is of the file, and does not name a line of it"))
            if in_text:
                self.reviews.add(("", f"its text names {', '.join(sorted(in_text))}, its ids somebody else"))
            return set()
        if word.reference and (found := self._by_reference(word.reference)):
            return found
        if self._is_ours(word) and len(self.items) == 1:
            return set(self.items)
        if self._is_ours(word) and not in_text:
            self.reviews.add(("", "it is of the file, and does not name a line of it"))
        return in_text

    def _by_reference(self, reference: str) -> set[str]:
        return {line for line, said in self.said.items() if any(one.reference == reference for one in said)}

    def _proposed(self, given: set[str]) -> None:
        """A cut id is no match, and worth a look."""
        for text in given:
            for e2e in self.items:
                if len(text) >= PREFIX and e2e.startswith(text):
                    self.reviews.add((e2e, f"{text} may be a piece of it"))

    def _say(self, line: str, word: Word, whole: bool) -> None:
        if word.says == "booked" and word.group and not whole:
            self._times[line, word.group] += 1
            if self._times[line, word.group] > 1:
                self.reviews.add((line, "booked twice"))
        self.said.setdefault(line, set()).add(Said(word.says, whole, word.reference, word.reason))

    # -- the whole file -----------------------------------------------------------------------------------------------

    def _is_ours(self, word: Word) -> bool:
        named = (word.msg_id or self.msg_id, word.pmt_inf or self.pmt_inf)
        return bool(word.msg_id or word.pmt_inf) and named == (self.msg_id, self.pmt_inf)

    def _whole(self, word: Word) -> None:
        if not self._is_ours(word):
            self._strange(word)
            if not word.group:
                self.reviews.add(("", f"a report about {word.msg_id or word.pmt_inf}, which is not ours"))
            return
        total = sum(item.amount.minor for item in self.items.values())
        if word.says == "review":
            self.reviews.add(("", word.why))
        elif word.says == "duplicate":
            self.reviews.add(("", "the bank has an earlier copy of the file"))
        elif word.scope == "rest":
            if word.lines in (None, len(self.items)) and self._adds_up(word, total):
                for line in self._unlisted():
                    self._say(line, word, whole=True)
        elif word.says in ("rejected", "cancelled") and word.lines not in (None, len(self.items)):
            self.reviews.add(("", f"{word.says} of {word.lines} lines, and the file has {len(self.items)}"))
        elif word.says in MONEY and not self._fits(word, total):
            self.reviews.add(("", f"a booking of {word.lines} lines, {word.amount} {word.currency}, is not the file's"))
        elif word.says not in UNSAID:
            # The deeper level of a report counts, whatever it says.
            for line in self.items if word.group else self.items.keys() - self._own:
                self._say(line, word, whole=True)

    def _unlisted(self) -> Sequence[str]:
        listed = {line for line, said in self.said.items() if any(not one.whole for one in said)}
        return [line for line in self.items if line not in listed]

    def _fits(self, word: Word, total: int) -> bool:
        amount = money(word.amount, word.currency)
        currencies = {item.amount.currency for item in self.items.values()}
        return (
            word.lines == len(self.items) and amount is not None and amount.minor == total
            and {amount.currency} == currencies
        )  # fmt: skip

    def _adds_up(self, word: Word, total: int) -> bool:
        """A report's sums, where it has them, are those of the file."""
        if word.amount is None:
            return True
        amounts = [money(word.amount, item.amount.currency) for item in self.items.values()]
        return all(amount is not None and amount.minor == total for amount in amounts)

    def _strange(self, word: Word) -> None:
        what = (word.group, word.e2e, word.reference, word.amount, word.scope, word.says == "foreign")
        self._times[what] += 1
        self.unmatched.add((*what, self._times[what]))

    # -- the picture --------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, str]:
        """Each line's state."""
        return {line: self._state(line)[0] for line in self.items}

    def reasons(self) -> dict[str, str]:
        """Each line's reason, where the bank gave one with what counts."""
        return {line: reason for line in self.items if (reason := self._state(line)[1])}

    def _state(self, line: str) -> tuple[str, str]:
        counted = [said for said in self.said.get(line, ()) if self._counts(said)]
        if not counted:
            return "SUBMITTED", ""
        last = max(counted, key=lambda said: (RANKS[said.says], not said.whole, said.reason, said.reference))
        final = (last.says == "settled" and self.rules.acsc_is_final) or (
            last.says == "credited" and self.rules.accc_is_final
        )
        return "PAID" if final else STATES[last.says], last.reason

    def _counts(self, said: Said) -> bool:
        return not (said.whole and said.says == "rejected" and self._carried_out())

    def _carried_out(self) -> bool:
        return any(one.says in CARRIED_OUT for said in self.said.values() for one in said)

    def looked_at(self) -> set[tuple[str, str]]:
        """Everything that people must look at, also what only several words together show."""
        found = set(self.reviews)
        for line, said in self.said.items():
            kinds = {one.says for one in said}
            if len({one.reference for one in said if one.says == "booked" and one.reference}) > 1:
                found.add((line, "booked twice"))
            if "booked" in kinds and kinds & {"rejected", "cancelled"}:
                found.add((line, "refused, and booked"))
            if any(not self._counts(one) for one in said):
                found.add((line, "the whole file is refused, and some of it was carried out"))
        return found
