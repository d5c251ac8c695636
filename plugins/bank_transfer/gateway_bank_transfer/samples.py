"""Read every sample in a folder and compare: `python -m gateway_bank_transfer.samples DIR`.

NAME.expected.json: what stands in NAME, text by text. NAME.effects.json: what NAME does to the lines of the file that
is described in a `...batch.json` of the folder. Prints a line per file; exits 1 on a difference.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from .accounts import Ours
from .book import Book
from .extracting import extracted
from .profile import FORMATS as ALL
from .profile import AccountRules, AnswerRules, CalendarRules, CsvRules, FileRules, PaymentRules, Profile, TextRules
from .reading.files import words
from .reading.guessing import guessed
from .reading.safe import Refused
from .staging import Staged
from .writing.payee import Where

EXPECTED, EFFECTS = ".expected.json", ".effects.json"


def main(folder: Path) -> int:
    """Compare all; the number of differing files."""
    wrong = 0
    for place in sorted({*folder.rglob(f"*{EXPECTED}"), *folder.rglob(f"*{EFFECTS}")}):
        kind = EXPECTED if place.name.endswith(EXPECTED) else EFFECTS
        sample = place.with_name(place.name.removesuffix(kind))
        try:
            wanted = json.loads(place.read_text(encoding="utf-8"))
            found = list((_expected if kind == EXPECTED else _effects)(sample, wanted))
        except Exception as error:
            # Whatever it is, the others are to be read, too.
            found = [f"it cannot be compared: {error!r}"]
        wrong += bool(found)
        what = kind.split(".")[1]
        print(
            f"{'differs' if found else 'agrees '} {what:8} {sample.name}" + "".join(f"\n    {text}" for text in found)
        )
    return wrong


# -- what stands in a file --------------------------------------------------------------------------------------------


def _expected(sample: Path, wanted: Any) -> Iterator[str]:
    try:
        with sample.open("rb") as file:
            found: Any = extracted(file)
    except (Refused, OSError) as error:
        found = {"error": "REJECT_FILE", "why": str(error)}
        if wanted.get("error") == "REJECT_FILE":
            return
    yield from _differences(found, wanted, "")


def _differences(found: Any, wanted: Any, at: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted({*wanted, *found}):
            if key not in wanted or key not in found:
                yield f"{at}/{key}: {'not wanted' if key not in wanted else 'missing'}"
            else:
                yield from _differences(found[key], wanted[key], f"{at}/{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            yield f"{at}: {len(found)}, and {len(wanted)} are wanted"
        for n, (one, other) in enumerate(zip(found, wanted, strict=False)):
            yield from _differences(one, other, f"{at}[{n}]")
    elif found != wanted:
        yield f"{at}: {found!r}, and {wanted!r} is wanted"


# -- what a file does -------------------------------------------------------------------------------------------------


def _effects(sample: Path, wanted: Mapping[str, Any]) -> Iterator[str]:
    place = _batch(sample)
    if place is None:
        yield "there is no description of a batch beside it"
        return
    batch = json.loads(place.read_text(encoding="utf-8"))
    profile = _profile(batch, sample)
    book = Book.of(batch, profile.answers)
    ours = Ours(_where(str(batch.get("debtor_account") or "")), profile.payment.currencies)
    read = partial(_read, sample, profile, ours)
    for before in wanted.get("after", ()):
        book.apply(_read(sample.with_name(before), profile, ours).words())
    try:
        staged = read()
    except (Refused, OSError) as error:
        if wanted.get("error") != "REJECT_FILE":
            yield f"it is refused: {error}"
        elif wanted.get("states"):
            yield from _states(book, wanted)
        return
    if "error" in wanted:
        yield f"it is read, and {wanted['error']} is wanted"
        return
    book.apply(staged.words())
    yield from _compared(book, staged, wanted)
    if (again := book.apply(read().words())) != wanted.get("new_effects", 0):
        yield f"read again it has {again} effects"


def _read(sample: Path, profile: Profile, ours: Ours) -> Staged:
    return Staged.whole(words(lambda: sample.open("rb"), profile, ours), "mark")


def _compared(book: Book, staged: Staged, wanted: Mapping[str, Any]) -> Iterator[str]:
    yield from _states(book, wanted)
    reasons, reviews = book.reasons(), book.looked_at()
    for line, reason in wanted.get("reason", {}).items():
        if reasons.get(line, "") != (reason or ""):
            yield f"reason of {line}: {reasons.get(line, '')!r}, and {reason!r} is wanted"
    if "review" in wanted and not _reviewed(wanted["review"], reviews):
        yield f"reviews: {sorted(reviews)}, and {wanted['review']!r} is wanted"
    if "statement_balanced" in wanted:
        said = [one.balanced for one in staged.statements if one.balanced is not None]
        found = all(said) if said else None
        if found != wanted["statement_balanced"]:
            yield f"balanced: {found}, and {wanted['statement_balanced']} is wanted"
    for key, value in wanted.items():
        if key.startswith("unmatched") and not _unmatched(book, staged, key, value):
            yield f"{key}: {sorted(map(str, book.unmatched))}, and {value!r} is wanted"


def _states(book: Book, wanted: Mapping[str, Any]) -> Iterator[str]:
    states = book.states()
    for line, state in wanted.get("states", {}).items():
        if states.get(line) != state:
            yield f"{line}: {states.get(line)}, and {state} is wanted"


def _reviewed(wanted: Any, reviews: set[tuple[str, str]]) -> bool:
    lines = {line for line, _ in reviews}
    if isinstance(wanted, list):
        return set(map(str, wanted)) <= lines if wanted else not reviews
    return bool(reviews) == bool(wanted)


def _unmatched(book: Book, staged: Staged, key: str, value: Any) -> bool:
    """A number of entries, lines, or statements of other accounts; or the bank's references of entries."""
    if "account" in key or "statement" in key:
        found = [one.account for one in staged.statements if not one.ours]
        return sorted(found) == sorted(value) if isinstance(value, list) else len(found) == value
    if isinstance(value, list):
        return set(map(str, value)) <= {text for one in book.unmatched for text in one[1:3]}
    groups = {one[0] for one in book.unmatched} if "entr" in key else book.unmatched
    return len(groups) == int(value)


def _batch(sample: Path) -> Path | None:
    """The description that shares the longest beginning of its name with the sample."""
    found = [path for path in sample.parent.glob("*batch*.json") if not path.name.endswith((EXPECTED, EFFECTS))]
    return max(found, key=lambda path: _alike(path.name, sample.name), default=None)


def _alike(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _where(text: str) -> Where:
    plain = text.replace(" ", "")
    return Where(iban=plain) if plain[:2].isalpha() and plain[2:4].isdigit() else Where(number=plain.rpartition(":")[2])


def _profile(batch: Mapping[str, Any], sample: Path) -> Profile:
    """Every format, and nothing final but a booked entry; what the batch's description says otherwise is so."""
    rules = AnswerRules(formats=ALL)
    said = {**batch.get("profile", {}), **batch.get("answers", {})}
    known = {field.name for field in attrs.fields(AnswerRules)}
    rules = attrs.evolve(rules, **{name: value for name, value in said.items() if name in known})
    currency = str(batch["currency"])
    mapping = batch.get("csv_mapping") or batch.get("csv")
    return Profile(
        name="samples", file=FileRules(), payment=PaymentRules(currencies=(currency,)), text=TextRules(),
        accounts=AccountRules(kinds=("iban", "bank_account")), calendar=CalendarRules(), answers=rules,
        csv=CsvRules(**mapping) if mapping else guessed(sample),
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print("usage: python -m gateway_bank_transfer.samples DIR", file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
