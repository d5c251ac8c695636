"""A statement (camt.052, .053, .054) into words, entry by entry.

Only what is booked counts. An entry whose details do not add up, and a statement that does not balance, are found wrong
at their end: what was said of them before is then for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from gateway_core.contract import Money

from .. import keys
from ..accounts import Ours
from ..amounts import count, money
from ..profile import Profile
from ..words import Held, Stated, Word
from .camt import Part

Said: TypeAlias = Word | Held | Stated
OPENS, CLOSES = ("OPBD", "PRCD"), ("CLBD",)


class Statements:
    """The words of one message, from its parts."""

    def __init__(self, profile: Profile, ours: Ours) -> None:
        self._answers, self._ours, self._prefix = profile.answers, ours, profile.file.prefix
        self._paged = False
        self._kind = ""
        self._group = 0
        self._batch: dict[str, Any] | None = None

    def words(self, parts: Iterator[Part]) -> Iterator[Said]:
        """Words as they come; `Held` and `Stated` say afterwards what must not be believed of them."""
        for kind, said in parts:
            match kind:
                case "file":
                    self._kind = said["kind"]
                    pages = (said.get("page") or "1", said.get("last_page") or "true")
                    self._paged = pages not in (("1", "true"), ("1", "1"))
                case "statement":
                    self._begin(said)
                case "balance":
                    self._balances.append(said)
                case "entry":
                    self._open(said)
                case "details":
                    yield from self._close_group()
                    self._batch, self._in_group, self._total_in = said["batch"], 0, said["_total_currency"]
                case "transaction":
                    yield from self._transaction(said)
                case "closed":
                    yield from self._close(said)
                case "ended":
                    yield self._end(said)

    # -- statements ---------------------------------------------------------------------------------------------------

    def _begin(self, said: dict[str, Any]) -> None:
        self._statement, self._balances = said, list[dict[str, Any]]()
        self._is_ours = self._ours.is_account(said["account"])
        self._sum, self._entries, self._summable = 0, 0, True
        self._opening: tuple[str, str, str] | None = None
        self._again: dict[tuple[str, str | None], int] = {}

    def _end(self, said: dict[str, Any]) -> Stated:
        opening, closing = self._balance(OPENS), self._balance(CLOSES)
        statement, balanced, why = self._statement, None, ""
        if said["entries"] is not None and said["entries"] != str(self._entries) and not self._paged:
            balanced, why = False, f"it says that it has {said['entries']} entries, and has {self._entries}"
        elif self._kind == "camt.053" and opening and closing and not self._paged:
            balanced, why = self._check(opening, closing)
        return Stated(
            statement["account"] or "", statement["id"] or "", statement["electronic_seq"] or "", opening, closing,
            self._date(CLOSES), balanced, self._is_ours, self._kind == "camt.053", why,
        )  # fmt: skip

    def _check(self, opening: tuple[str, str, str], closing: tuple[str, str, str]) -> tuple[bool, str]:
        before, after = _signed(*opening), _signed(*closing)
        if before is None or after is None or opening[1] != closing[1] or not self._summable:
            return False, "its balances and entries cannot be added up"
        if before + self._sum != after:
            return False, f"it does not balance: {before} and {self._sum} are not {after}, in minor units"
        return True, ""

    def _balance(self, kinds: tuple[str, ...]) -> tuple[str, str, str] | None:
        """(amount, currency, direction) of the first such balance."""
        for kind in kinds:
            for item in self._balances:
                if item["type"] == kind and item["amount"]:
                    return item["amount"], item["currency"] or "", item["credit_debit"] or ""
        return None

    def _date(self, kinds: tuple[str, ...]) -> str:
        return next((item["date"] or "" for item in self._balances if item["type"] in kinds), "")

    # -- entries ------------------------------------------------------------------------------------------------------

    def _open(self, said: dict[str, Any]) -> None:
        self._entry = said
        self._group += 1
        self._entries += 1
        self._booked = said["status"] == "BOOK"
        self._details, self._total, self._addable = 0, 0, True
        self._batch = None
        self._in_group = self._bare = 0
        self._spoken, self._wholes = False, list[Money | None]()
        if self._entries == 1:
            self._opening = self._balance(OPENS)
        if self._booked:
            amount = _signed(said["amount"], said["currency"], said["credit_debit"])
            if amount is None or (self._opening is not None and self._opening[1] != said["currency"]):
                self._summable = False
            else:
                self._sum += amount

    def _close_group(self) -> Iterator[Said]:
        """A batch without details of its own is one booking of a whole file."""
        batch = self._batch
        if batch is not None and self._in_group == self._bare and (batch["msg_id"] or batch["pmt_inf_id"]):
            entry, self._spoken = self._entry, True
            self._wholes.append(money(batch["total"], self._total_in or entry["currency"]) if batch["total"] else None)
            says, why = self._says(entry, None)
            yield Word(
                "batch", says, self._group, msg_id=keys.said(batch["msg_id"]), pmt_inf=keys.said(batch["pmt_inf_id"]),
                reference=keys.said(entry["acct_svcr_ref"]), amount=batch["total"] or entry["amount"],
                currency=entry["currency"], lines=count(batch["nb_of_txs"]),
                text=self._told(None), why=why,
            )  # fmt: skip
        self._batch = None

    def _close(self, said: dict[str, Any]) -> Iterator[Said]:
        yield from self._close_group()
        entry = self._entry
        if not self._spoken and self._details == self._bare:
            entry["additional_info"] = said["additional_info"]
            yield self._word("line", entry, {})
        elif self._booked and (why := self._misfit()):
            yield Held(self._group, why)

    def _misfit(self) -> str:
        """Why its parts are not the entry. What was booked is the entry's amount, whatever its batch says of itself."""
        entry, wholes, details = money(self._entry["amount"], self._entry["currency"]), self._wholes, self._details
        if not wholes:
            return self._adds_up() if details > self._bare else ""
        if len(wholes) == 1 and details == self._bare:
            return "" if wholes[0] in (None, entry) else f"its batch is of {wholes[0]}, it is of {entry}"
        if entry is None or not self._addable or any(one is None or one.currency != entry.currency for one in wholes):
            return "its parts cannot be added up"
        parts = sum(one.minor for one in wholes if one) + self._total
        return "" if parts == entry.minor else f"its parts are {parts} together, it is {entry.minor}, in minor units"

    def _adds_up(self) -> str:
        """One detail without an amount has the entry's; otherwise they must add up to it."""
        entry = money(self._entry["amount"], self._entry["currency"])
        if entry is None:
            return "the entry's amount is none"
        if not self._addable:
            return "" if self._details == 1 else "not every detail has an amount in the entry's currency"
        return "" if self._total == entry.minor else f"its details are {self._total} together, it is {entry.minor}"

    def _transaction(self, said: dict[str, Any]) -> Iterator[Said]:
        self._details += 1
        self._in_group += 1
        if self._is_bare(said):
            self._bare += 1
            return
        amount = money(said["amount"], said["currency"])
        if amount is None or amount.currency != self._entry["currency"]:
            self._addable = False
        else:
            # A detail may be booked the other way: a fee that was taken off, a return among others.
            self._total += (
                amount.minor if said["credit_debit"] in (None, self._entry["credit_debit"]) else -amount.minor
            )
        yield self._word("line", self._entry, said)

    def _is_bare(self, said: dict[str, Any]) -> bool:
        """It says nothing that could name a payment. Of a whole file's entry it may have an amount, and of one of ours
        a text without a key: the file is what is named."""
        if said["msg_id"] or said["pmt_inf_id"] or said["acct_svcr_ref"]:
            return False
        ids = (said["end_to_end_id"], said["instr_id"], said["uetr"])
        batch, texts = self._batch, said["remittance"]
        if batch is None or not (batch["msg_id"] or batch["pmt_inf_id"]):
            return not (any(ids) or said["amount"] or texts)
        alike = said["credit_debit"] in (None, self._entry["credit_debit"])
        if not alike or any(map(keys.said, ids)):
            return False
        ours = keys.msg_id_of(batch["msg_id"] or "", batch["pmt_inf_id"] or "", self._prefix)
        return not texts or (bool(ours) and not any(map(keys.in_text, texts)))

    def _word(self, scope: str, entry: dict[str, Any], said: dict[str, Any]) -> Word:
        says, why = self._says(entry, said)
        returned = said.get("return") or {}
        reason = returned.get("code") or self._answers.reasons.get(returned.get("proprietary") or "", "") or ""
        e2e, reference = keys.said(said.get("end_to_end_id")), self._reference(entry, said)
        return Word(
            scope, says, self._group, e2e=e2e, instr=keys.said(said.get("instr_id")), uetr=keys.said(said.get("uetr")),
            msg_id=keys.said(said.get("msg_id")), pmt_inf=keys.said(said.get("pmt_inf_id")), reference=reference,
            amount=said.get("amount") or entry["amount"], currency=said.get("currency") or entry["currency"],
            reason=reason, text=self._told(said), why=why,
        )  # fmt: skip

    def _reference(self, entry: dict[str, Any], said: dict[str, Any]) -> str:
        """The entry's own, so that .054 and .053 say the same of it; else the detail's. Without either, a second
        debit for one payment in one statement is told apart by its number."""
        key = keys.said(said.get("end_to_end_id")) or keys.said(said.get("instr_id"))
        of_entry, own = keys.said(entry["acct_svcr_ref"]), keys.said(said.get("acct_svcr_ref"))
        # Without another id, the detail's own may be one that the bank gave the payment before.
        if found := (of_entry or own) if key or said.get("uetr") else (own or of_entry):
            return found
        if not key or not self._booked:
            return ""
        what = (key, entry["credit_debit"])
        self._again[what] = number = self._again.get(what, 0) + 1
        day = (entry["booking_date"] or "")[:10]
        return f"{day} no. {number}"

    def _says(self, entry: dict[str, Any], said: dict[str, Any] | None) -> tuple[str, str]:
        """(what is said of a line of ours, what people must look at)."""
        if not self._is_ours:
            return "foreign", "of another account"
        if not self._booked or (self._kind == "camt.052" and not self._answers.intraday_is_final):
            return "noted", ""
        direction = (said or {}).get("credit_debit") or entry["credit_debit"]
        if direction == "DBIT":
            back = entry["reversal"] and entry["credit_debit"] == "DBIT"
            return ("review", "a debit that takes back a credit") if back else ("booked", "")
        if direction != "CRDT":
            return "review", "neither a debit nor a credit"
        return "returned", ""

    def _told(self, said: dict[str, Any] | None) -> str:
        entry, said = self._entry, said or {}
        back = said.get("return") or {}
        texts = [back.get("proprietary"), *(back.get("info") or ()), *(said.get("remittance") or ()),
                 entry.get("additional_info"), entry["entry_ref"]]  # fmt: skip
        return " ".join(text for text in texts if text)[:500]


def _signed(amount: str | None, currency: str | None, direction: str | None) -> int | None:
    found = money(amount, currency)
    if found is None or direction not in ("CRDT", "DBIT"):
        return None
    return found.minor if direction == "CRDT" else -found.minor
