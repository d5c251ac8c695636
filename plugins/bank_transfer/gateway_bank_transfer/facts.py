"""Words as the core is told them: which of our lines or files they are about, and what they settle.

The ladder: the line's key as EndToEndId or InstrId, or in a UETR of ours; the file's MsgId where it says that it is of
one line; the reference that the bank gave a line before; a key in the remittance text. Ids that name two of our lines
name none. Only a booked entry makes a payment paid, unless the bank's profile says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gateway_core.contract import Done, LineFact, Money, Refused, Returned, StatementFact, Unknown, Waiting

from . import codes, keys
from .amounts import count, money
from .profile import Profile
from .words import Stated, Word

Says: TypeAlias = Done | Refused | Returned | Waiting | Unknown
# Words about money: without an amount they are not believed.
MONEY = frozenset({"booked", "returned"})
# The bank carries it out: its file is not refused as a whole any more.
EXECUTING = frozenset({"executing", "settled", "credited"})
DONE, WAITING = Done(), Waiting()


def fact(word: Word, profile: Profile) -> LineFact | None:
    """The fact; None of a word that changes nothing for anybody (what a report does not list goes on)."""
    if word.scope == "rest":
        return None
    amount = money(word.amount, word.currency)
    verdict = _verdict(word, profile)
    if word.says in MONEY and amount is None:
        verdict = Unknown(f"{word.amount!r} {word.currency} is no amount")
    if word.says == "foreign":
        key, _ = key_of(word)
        return LineFact(verdict=Unknown(word.why), key=key, reference=word.reference, amount=amount, text=word.text)
    if word.scope == "batch":
        return LineFact(
            verdict=verdict,
            document=_document(word, profile),
            amount=amount,
            lines=word.lines,
            text=_text(word),
            cancellation=word.cancellation,
            entry=word.reference,
            executing=word.says in EXECUTING,
        )
    key, why = key_of(word)
    if key:
        reported = word.msg_id if not word.group and not word.cancellation else ""
        ours = keys.msg_id_of(reported, word.pmt_inf, profile.file.prefix)
        if reported and not ours and not keys.is_key(reported[-keys.LENGTH :]):
            verdict = Unknown(f"it is in a report about {reported}, which is no file of ours")
        return LineFact(
            verdict=verdict,
            key=key,
            document=profile.file.name.format(msg_id=ours) if ours else "",
            reference=word.reference,
            amount=amount,
            text=_text(word),
            cancellation=word.cancellation,
            executing=word.says in EXECUTING,
            entry=str(word.group) if word.says == "booked" else "",
        )
    if why:
        return LineFact(verdict=Unknown(why), reference=word.reference, amount=amount, text=_text(word))
    return _unnamed(word, profile, verdict)


def account_fact(stated: Stated) -> StatementFact | None:
    """What a statement says of our account; None of another one, or of what is no end-of-day statement."""
    if not (stated.ours and stated.final):
        return None
    return StatementFact(
        account=stated.account, ident=stated.ident, day=stated.at[:10], opening=_balance(stated.opening),
        closing=_balance(stated.closing), sequence=count(stated.sequence.strip()),
    )  # fmt: skip


def _balance(said: tuple[str, str, str] | None) -> Money | None:
    found = money(said[0], said[1]) if said else None
    return Money(-found.minor, found.currency) if found and said and said[2] == "DBIT" else found


def key_of(word: Word) -> tuple[str, str]:
    """(the key of the one line that it names, or why it names none that could be believed)."""
    if word.e2e and not word.uetr and word.instr in ("", word.e2e) and keys.is_key(word.e2e):
        return word.e2e, ""
    found = {text for text in (word.e2e, word.instr) if keys.is_key(text)}
    if len(found) > 1:
        return "", "it names several lines of ours"
    if found:
        return found.pop(), ""
    # Two details of one entry may have one UETR: it says something only where nothing else names a line.
    if word.uetr and (key := keys.of_uetr(word.uetr)):
        return key, ""
    if not (word.e2e or word.instr) and len(named := keys.in_text(word.text)) == 1:
        return named.pop(), ""
    return "", ""


def _unnamed(word: Word, profile: Profile, verdict: Says) -> LineFact:
    """No id of a line of ours: by its file if that has one line, else by the bank's reference, else a stranger."""
    amount, strange = money(word.amount, word.currency), word.e2e or word.instr
    msg_id = keys.msg_id_of(word.msg_id, word.pmt_inf, profile.file.prefix)
    if not msg_id and (msg_id := keys.msg_id_of(word.e2e, "", profile.file.prefix)):
        # Where there is one reference alone (MT940), a bank may give the file's.
        strange = word.instr
    if msg_id and strange:
        return LineFact(verdict=Unknown("an id that is not ours, in a file of ours"), key=strange[:64], amount=amount,
                        text=_text(word))  # fmt: skip
    if msg_id:
        name = profile.file.name.format(msg_id=msg_id)
        return LineFact(
            verdict=verdict, document=name, amount=amount, lines=1, text=_text(word), cancellation=word.cancellation,
            entry=word.reference,
            executing=word.says in EXECUTING,
        )  # fmt: skip
    named = keys.in_text(word.text) if strange else set()
    if strange or not word.reference:
        verdict = verdict if isinstance(verdict, Unknown) else Unknown("it names no line of ours")
    # Its text may name one all the same: then it is for people.
    key = named.pop() if len(named) == 1 else ""
    return LineFact(verdict=verdict, key=key, reference=word.reference, amount=amount, text=_text(word))


def _document(word: Word, profile: Profile) -> str:
    """The file of ours that a batch names. One that is not ours: what it is called, if a status report asks for it."""
    msg_id = keys.msg_id_of(word.msg_id, word.pmt_inf, profile.file.prefix)
    if msg_id:
        return profile.file.name.format(msg_id=msg_id)
    return "" if word.group else (word.msg_id or word.pmt_inf)


def _text(word: Word) -> str:
    return " ".join(part for part in (word.says, word.reason, word.text) if part)


def _refused(word: Word, profile: Profile) -> Says:
    code = word.reason or "RJCT"
    advice = codes.ADVICE.get(codes.reason_class(code), "")
    return Refused(code, "; ".join(part for part in (word.text, advice) if part))


def _returned(word: Word, profile: Profile) -> Says:
    strange = "(a reason in no list)" if word.reason and not codes.known_return(word.reason) else ""
    return Returned(word.reference, " ".join(part for part in (word.reason, strange, word.text) if part) or "returned")


def _waits(word: Word, profile: Profile) -> Says:
    return WAITING


_VERDICTS: Mapping[str, Callable[[Word, Profile], Says]] = {
    **dict.fromkeys(("submitted", "pending", "accepted", "executing", "noted", "duplicate"), _waits),
    "settled": lambda word, profile: Done() if profile.answers.acsc_is_final else Waiting(),
    "credited": lambda word, profile: Done() if profile.answers.accc_is_final else Waiting(),
    "rejected": _refused,
    "cancelled": lambda word, profile: Refused("CANC", word.text or "cancelled on request"),
    "booked": lambda word, profile: DONE,
    "returned": _returned,
    "review": lambda word, profile: Unknown(word.why),
    "foreign": lambda word, profile: Unknown(word.why),
}


def _verdict(word: Word, profile: Profile) -> Says:
    return _VERDICTS[word.says](word, profile)
