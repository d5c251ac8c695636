"""A phone's chain of records, as an application keeps it: the reference for whoever writes one."""

from __future__ import annotations

from ..pay_list import ListLine, PayList
from ..record import FIRST, NOT_COLLECTED, PAID, PhotoRef, Position, ProofRecord, Recipient, sealed


class Device:
    """`number` and `head` are of its last record: an application keeps both where no update of it removes them."""

    def __init__(self, device: str, number: int = 0, head: str = FIRST) -> None:
        self.device, self.number, self.head = device, number, head

    def paid(
        self,
        pay_list: PayList,
        line: ListLine,
        *,
        at: int,
        officer: str,
        position: Position | None = None,
        photo: PhotoRef | None = None,
        recipient: Recipient | None = None,
        amount: int | None = None,
    ) -> ProofRecord:
        """The next record: the line's money (or another amount) was handed out. `at` is UTC microseconds."""
        handed = line.amount if amount is None else amount
        return self._next(pay_list, line, PAID, handed, at, officer, position, photo, recipient, "")

    def not_collected(
        self, pay_list: PayList, line: ListLine, *, at: int, officer: str, reason: str, position: Position | None = None
    ) -> ProofRecord:
        """The next record: nobody took the money."""
        return self._next(pay_list, line, NOT_COLLECTED, 0, at, officer, position, None, None, reason)

    def _next(
        self, pay_list: PayList, line: ListLine, kind: str, amount: int, at: int, officer: str,
        position: Position | None, photo: PhotoRef | None, recipient: Recipient | None, reason: str,
    ) -> ProofRecord:  # fmt: skip
        record = sealed(
            ProofRecord(
                device=self.device, number=self.number + 1, previous=self.head, list=pay_list.id, line=line.number,
                payment=line.payment, invoice=line.invoice, kind=kind, amount=amount, currency=pay_list.currency, at=at,
                officer=officer, position=position, recipient=recipient, photo=photo, reason=reason,
            )
        )  # fmt: skip
        self.number, self.head = record.number, record.hash
        return record
