"""A file is read back while it is written: by the schema where there is one, and line by line against what was asked.

The bytes go through another parser on their way to the disk. One that differs in a single id, amount, account or name,
whose count or sum is wrong, or that the schema refuses, raises: then nothing was planned, and nothing leaves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from gateway_core.contract import Money

from ..keys import uetr_of
from ..profile import Profile
from .pain001 import Head, write
from .payee import Payee


class Differs(Exception):
    """What was written is not what was to be written."""


@lru_cache(maxsize=32)
def schema(folder: str, version: str) -> etree.XMLSchema | None:
    """ISO's schema of a version, from the folder that is configured; None where there is none. Compiled once."""
    place = Path(folder, f"{version}.xsd") if folder else None
    return etree.XMLSchema(file=str(place)) if place is not None and place.is_file() else None


def written(head: Head, payees: Iterable[Payee], schemas: str) -> Iterator[bytes]:
    """The file's bytes. Raises Differs, or etree.XMLSyntaxError for what the schema refuses, before the last is out."""
    version = head.profile.file.version
    space = f"{{urn:iso:std:iso:20022:tech:xsd:{version}}}"
    tags = [space + name for name in ("CdtTrfTxInf", "GrpHdr", "CtrlSum")]
    parser = etree.XMLPullParser(
        events=("end",), tag=tags, schema=schema(schemas, version), resolve_entities=False, no_network=True
    )
    compare = _Comparing(head, space)
    for piece in write(head, compare.asked(payees)):
        parser.feed(piece)
        for _, element in parser.read_events():
            compare.see(element)
            element = None
        yield piece
    parser.close()
    compare.over()


class _Comparing:
    """`waiting`: lines that were written and not yet read back."""

    def __init__(self, head: Head, space: str) -> None:
        self._head, self._space, self._is_line = head, space, f"{space}CdtTrfTxInf"
        self._waiting: deque[Payee] = deque()
        self._count = self._minor = 0
        self._sums: list[str] = []
        self._ids: list[str] = []

    def asked(self, payees: Iterable[Payee]) -> Iterator[Payee]:
        """The same, remembered until they were read back."""
        for payee in payees:
            self._waiting.append(payee)
            yield payee

    def see(self, element: Any) -> None:
        """One element that is complete."""
        if element.tag == self._is_line:
            self._line(element)
            element.clear(keep_tail=False)
            before = element.getprevious()
            if before is not None and before.tag == self._is_line:
                before.getparent().remove(before)
        elif element.tag == f"{self._space}GrpHdr":
            self._ids = list(element.itertext())[:3]
        else:
            self._sums += [element.getprevious().text, element.text]

    def _line(self, element: Any) -> None:
        if not self._waiting:
            raise Differs("the file has more lines than were asked for")
        payee, ident, amount = self._waiting.popleft(), element[0][0], element[1][0]
        found = etree.tostring(element, method="text", encoding="unicode", with_tail=False)
        asked = "".join(texts(payee, self._head.profile))
        paid = (amount.tag, amount.text, amount.get("Ccy"))
        right = (f"{self._space}InstdAmt", Money(payee.minor, self._head.currency).text, payee.currency)
        if found != asked or ident.text != payee.key or paid != right:
            raise Differs(f"line {self._count + 1} is {found} {paid}, and was to be {asked} {right}")
        self._count += 1
        self._minor += payee.minor

    def over(self) -> None:
        """Counts and sums, of the file and of its batch."""
        if self._waiting or self._count != self._head.count:
            raise Differs(f"{self._count} lines are in the file, and {self._head.count} were to be")
        right = [str(self._count), Money(self._minor, self._head.currency).text]
        if self._sums != right * 2 or self._ids != [self._head.msg_id, self._head.created, right[0]]:
            raise Differs(f"the file says {self._ids} {self._sums} of itself, and it has {right}")


def texts(payee: Payee, profile: Profile) -> list[str]:
    """Every text that a line must have, in its order."""
    where = payee.where
    bank = [profile.accounts.clearing_system] if where.bank and profile.accounts.bank == "clearing" else []
    said = [payee.key, payee.key, uetr_of(payee.key) if profile.payment.uetr else "", payee.amount,
            *bank, where.bank or payee.bic, where.branch, payee.name, where.iban or where.number]  # fmt: skip
    said += [] if where.iban or where.proxy else ["BBAN"]
    said += [profile.accounts.type] + (["MBNO", where.proxy] if where.proxy else [])
    return [text for text in (*said, payee.purpose, payee.remittance) if text]
