"""A bank's answer to a cancellation request (camt.029) into words.

Accepted: the line, or the file, was cancelled. Rejected or pending: nothing changes, and people are told why; that the
bank never received the original is the strongest word of all, and for people, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import keys
from ..words import Word
from .camt import Part, _let_go, children, text
from .safe import local

TAGS = ["OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts", "Assgnmt"]
ACCEPTED, REJECTED = "ACCR", "RJCR"


class Camt029:
    """Sees the elements of one answer, and tells their parts."""

    def __init__(self, tell: Callable[[str, dict[str, Any]], None], full: bool) -> None:
        self._tell = tell

    def see(self, element: Any) -> None:
        """One complete element; it is let go."""
        name = local(element.tag)
        if name == "Assgnmt":
            self._tell("file", {"msg_id": text(element, "Id"), "created": text(element, "CreDtTm")})
            return
        known = children(element)
        status = next((text(element, tag) for tag in ("TxCxlSts", "PmtInfCxlSts", "GrpCxlSts") if tag in known), None)
        parent = element.getparent()
        self._tell("line" if name == "TxInfAndSts" else "batch", {
            "status": status, "reason": text(known.get("CxlStsRsnInf"), "Rsn", "Cd") or "",
            "e2e": keys.said(text(element, "OrgnlEndToEndId")), "instr": keys.said(text(element, "OrgnlInstrId")),
            "uetr": keys.said(text(element, "OrgnlUETR")),
            "msg_id": text(element, "OrgnlMsgId") or text(element, "OrgnlGrpInf", "OrgnlMsgId") or "",
            "pmt_inf": text(element, "OrgnlPmtInfId") or text(parent, "OrgnlPmtInfId") or "",
            "info": " ".join(
                (item.text or "") for item in known.get("CxlStsRsnInf", ()) if local(item.tag) == "AddtlInf"
            ),
        })  # fmt: skip
        if name != "OrgnlGrpInfAndSts":
            _let_go(element)


def words(parts: Iterator[Part]) -> Iterator[Word]:
    """Of each part that has a status; the lines' before that of their file, for the deeper one counts.

    A file of which lines are listed is accepted no further than these; one of whose lines any is not cancelled, not at
    all.
    """
    files, said_of_lines = list[Word](), list[str]()
    for scope, said in parts:
        status = said.get("status")
        if scope == "file" or not status:
            continue
        word = _word(scope, status, said)
        if scope == "line":
            said_of_lines.append(word.cancellation)
            yield word
        else:
            files.append(word)
    for word in files:
        yield _of_file(word, said_of_lines)


def _word(scope: str, status: str, said: dict[str, Any]) -> Word:
    ids = {name: said[name] for name in ("e2e", "instr", "uetr", "msg_id", "pmt_inf")}
    told = f"cancellation {status} {said['reason']} {said['info']}".strip()
    if status == ACCEPTED:
        return Word(scope, "cancelled", reason=said["reason"], text=told, cancellation="accepted", **ids)
    if status == REJECTED:
        why = "the bank never received it" if said["reason"] == "NOOR" else "the bank does not cancel it"
        why = f"{why}: {told}"
        return Word(scope, "review", reason=said["reason"], text=told, why=why, cancellation="rejected", **ids)
    return Word(scope, "noted", reason=said["reason"], text=told, cancellation="pending", **ids)


def _of_file(word: Word, lines: list[str]) -> Word:
    if word.cancellation != "accepted" or not lines:
        return word
    if set(lines) != {"accepted"}:
        why = "it cancels the whole, and says of a part that it is not cancelled"
        return word._replace(says="review", why=why, cancellation="")
    return word._replace(lines=len(lines))
