"""A status report (pain.002) into words, by the rules of its levels.

A status of the group is about the whole file, one of a batch about that batch, one of a transaction about a line; the
deeper one counts, so it is said first. A report that contradicts itself, a status or a reason that is in no list, and
every word of a duplicate ("an earlier copy is alive") refuses nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from .. import codes, keys
from ..amounts import count
from ..profile import Profile
from ..words import Word
from .camt import Part

# What a status means, as far as it says something of a payment.
_SAYS = {
    "submitted": "submitted", "pending": "pending", "signature": "pending", "accepted": "accepted",
    "executing": "executing",
    "changed": "accepted", "settled": "settled", "credited": "credited", "rejected": "rejected",
    "cancelled": "cancelled",
}  # fmt: skip
_PEOPLE = {
    "changed": "accepted with a change", "signature": "more signatures are needed", "blocked": "blocked by the bank",
    "looked_at": "the bank asks for attention",
}  # fmt: skip


# What leaves nothing of a part that could still be paid. (A duplicate does: the earlier copy is alive.)
REFUSES, LEAVES = frozenset({"rejected", "cancelled"}), frozenset({"executing", "settled", "credited"})
DEAD = REFUSES | {""}
_SUM = re.compile(r"[0-9]{1,18}(\.[0-9]{1,17})?")


class Report:
    """The words of one report, from its parts."""

    def __init__(self, profile: Profile) -> None:
        self._answers = profile.answers
        self._report: dict[str, Any] = {}
        self._batch: dict[str, Any] = {}
        self._last: list[Word] = []
        self._alive = self._alive_in_batch = False
        # What batches said of themselves.
        self._batches = set[str]()
        self._named = 0

    def words(self, parts: Iterator[Part]) -> Iterator[Word]:
        """In the order in which they are to be believed. About another message than a payment file, nothing is."""
        for word in self._words(parts):
            other = _other_message(self._report.get("orgnl_msg_nm_id") or "")
            yield word._replace(says="review", why=f"a report about a {other}, not about a payment file: {word.says} "
                                f"{word.text}".strip()) if other else word  # fmt: skip

    def _words(self, parts: Iterator[Part]) -> Iterator[Word]:
        for kind, said in parts:
            match kind:
                case "report":
                    self._report = said
                case "batch":
                    self._batch, self._alive_in_batch, self._named = said, False, 0
                case "transaction":
                    yield from self._transaction(said)
                case "ended":
                    self._ended()
        yield from self._last
        yield from self._level(self._report, "group_status", "group_reasons", "", self._alive)
        yield from self._rest("", self._report, "group_status", self._named)

    def _transaction(self, said: dict[str, Any]) -> Iterator[Word]:
        says, why, reason, text = self._means(said["status"], said["reasons"])
        self._alive_in_batch |= says not in DEAD
        self._named += says == "rejected"
        amount = said.get("_amount") or (None, None)
        found: dict[str, Any] = {
            "e2e": keys.said(said["orgnl_end_to_end_id"]), "instr": keys.said(said["orgnl_instr_id"]),
            "uetr": keys.said(said["orgnl_uetr"]), "reference": keys.said(said["acct_svcr_ref"]),
            "msg_id": self._report.get("orgnl_msg_id") or "", "pmt_inf": self._batch.get("orgnl_pmt_inf_id") or "",
            "amount": amount[0], "currency": amount[1], "reason": reason, "text": text,
        }  # fmt: skip
        if says:
            yield Word("line", says, **found)
        if why:
            yield Word("line", "review", why=why, **found)

    def _ended(self) -> None:
        """A batch is over: what it says of itself comes after its lines."""
        batch = self._batch
        ident = batch.get("orgnl_pmt_inf_id") or ""
        self._last += self._level(batch, "status", "reasons", ident, self._alive_in_batch)
        self._last += self._rest(ident, batch, "status", self._named)
        self._alive |= self._alive_in_batch

    def _level(
        self, said: dict[str, Any], status: str, reasons: str, pmt_inf: str, alive: bool
    ) -> Iterator[Word]:  # fmt: skip
        says, why, reason, text = self._means(said.get(status), said.get(reasons) or [])
        if says in REFUSES and alive:
            says, why = "", "it refuses the whole, and says of a part that it goes on"
        msg_id = self._report.get("orgnl_msg_id") or ""
        if not pmt_inf and self._batches:
            # The deeper level counts. That money leaves all the same is not passed over.
            if says in LEAVES and self._batches & REFUSES:
                why = "it refuses a part, and says of the whole that it is carried out"
            says = ""
        if says:
            self._alive |= says not in DEAD
            self._batches |= {says} if pmt_inf else set()
            lines = count(said.get("orgnl_nb_of_txs") or said.get("_nb_of_txs"))
            yield Word("batch", says, msg_id=msg_id, pmt_inf=pmt_inf, reason=reason, text=text, lines=lines)
        if why:
            yield Word("batch", "review", msg_id=msg_id, pmt_inf=pmt_inf, reason=reason, text=text, why=why)

    def _rest(self, pmt_inf: str, said: dict[str, Any], status: str, named: int) -> Iterator[Word]:
        """PART, and only those listed that were refused: of the others it says something if its counts close."""
        if codes.status(said.get(status)) != "mixed":
            return
        listed = said.get("per_status") or []
        counted = _closed(listed, named)
        if counted is not None or self._answers.unlisted_means_accepted:
            msg_id = self._report.get("orgnl_msg_id") or ""
            total = _summed(listed) if counted is not None else None
            yield Word("rest", "accepted", msg_id=msg_id, pmt_inf=pmt_inf, lines=counted, amount=total)

    def _means(self, status: str | None, reasons: Sequence[dict[str, Any]]) -> tuple[str, str, str, str]:
        """(what it says, what people must look at, the reason's code, its text)."""
        if not status:
            return "", "", "", ""
        means = codes.status(status)
        given = [(item["code"] or self._answers.reasons.get(item["proprietary"] or "", "?"), item) for item in reasons]
        text = "; ".join(_told(item) for _, item in given)
        if not means:
            return "", f"status {status!r} is in no list", "", text
        if means != "rejected":
            return _SAYS.get(means, ""), _PEOPLE.get(means, ""), given[0][0] if given else "", text
        classes = {codes.reason_class(code): code for code, _ in given}
        if "duplicate" in classes:
            return "duplicate", "", classes["duplicate"], text
        if "" in classes:
            return "", f"refused for a reason that is in no list: {text}", "", text
        if "unproven" in classes:
            return "", f"refused, and the bank cannot say that it was not carried out: {text}", "", text
        return "rejected", "", given[0][0] if given else "", text


def _closed(per_status: Sequence[dict[str, Any]], refused: int) -> int | None:
    """How many lines the counts are about, if every one of them goes on but those that were listed as refused."""
    total = 0
    for item in per_status:
        lines, means = count(item["nb_of_txs"]), codes.status(item["status"])
        if lines is None or means not in ("accepted", "executing", "rejected", "settled"):
            return None
        if means == "rejected" and lines != refused:
            return None
        total += lines
    return total or None


def _summed(per_status: Sequence[dict[str, Any]]) -> str | None:
    """What the sums are together; None unless each status has one."""
    sums = [item["ctrl_sum"] for item in per_status]
    if not all(text and _SUM.fullmatch(text) for text in sums):
        return None
    return f"{sum(map(Decimal, sums)):f}"


def _told(reason: dict[str, Any]) -> str:
    code = reason["code"] or reason["proprietary"] or ""
    return " ".join([code, *reason["info"]]).strip()


def _other_message(name: str) -> str:
    """What the report is about where it names another message than a pain.001 (our request to cancel, say); else ''."""
    plain = "".join(char for char in name.casefold() if char.isalnum())
    family = re.match("(pain|camt|pacs)[0-9]{3}", plain)
    return name[:35] if family and family[0] != "pain001" else ""
