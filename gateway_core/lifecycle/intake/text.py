"""Text in a cell: what must not stand in any, and how it is brought to one form."""

from __future__ import annotations

import re
import unicodedata

from ...model.formulas import FORMULA
from .findings import Problem, shown
from .rules import COLUMNS, LONGEST, REQUIRED

# Separates the cells of a row in one string, so that one regular expression sees them all; never tidy itself.
_GAP = "\x1f"
_WORDS = "[!-~]*+(?: [!-~]++)*+"
# Names may have the letters of Latin-1 and Latin Extended-A too: each is one character, and its own normal form.
_NAME = "[A-Za-zÀ-ſ][!-~À-ſ]*+(?: [!-~À-ſ]++)*+"

# A row of plain cells, by far the most of any payroll: nothing that `text_problem` looks for can be in it (a property
# test holds that), so that nine tenths of the work is one match.
_TIDY = re.compile(
    _GAP.join([f"[A-Za-z0-9]{_WORDS}"] * 2 + [_NAME] + [f"[A-Za-z0-9]{_WORDS}"] * 4 + [f"(?:[A-Za-z0-9]{_WORDS})?"] * 5)
)
_TIDY_LENGTH = min(LONGEST.values())
_TIDY_CELL = re.compile(f"(?:[A-Za-z0-9]{_WORDS})?")


def is_tidy(cells: tuple[str | None, ...]) -> bool:
    """Whether a row needs no look at its single texts."""
    try:
        joined = _GAP.join(cells)  # type: ignore[arg-type]
    except TypeError:  # a None: something was already wrong with that cell
        return False
    if len(joined) > _TIDY_LENGTH and max(map(len, cells)) > _TIDY_LENGTH:  # type: ignore[arg-type]
        return False
    return "E+" not in joined and _TIDY.fullmatch(joined) is not None


def is_tidy_cell(text: str) -> bool:
    """The same for one cell that is not a name."""
    return len(text) <= _TIDY_LENGTH and "E+" not in text and _TIDY_CELL.fullmatch(text) is not None


# C0, C1, lone surrogates, separators of lines, and the marks that turn the direction of what is displayed.
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb"
_BREAKS = "\t\n\r"
# Joiners shape Persian and Indic names, so only ids refuse them: two ids must not look alike and differ.
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Blanks that look like the space, or like no second one.
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"

_Rule = tuple[str, re.Pattern[str], str, str]
_DELETE = "delete the character, or type the value again"
_ANY: tuple[_Rule, ...] = (
    ("encoding", re.compile("[\udc80-\udcff\ufffd]"), "has {bad}", "save the file as UTF-8, or declare its encoding"),
    ("formula", re.compile(FORMULA), "is a formula: {text}", "write the value itself, not a formula"),
    ("control_character", re.compile(f"[{_CONTROL}]"), "has the control character {bad}", _DELETE),
)
_IN_COLUMN: tuple[_Rule, ...] = (
    *_ANY,
    ("control_character", re.compile(f"[{_BREAKS}]"), "has the control character {bad}", _DELETE),
)
_IN_ID: tuple[_Rule, ...] = (
    *_IN_COLUMN,
    ("control_character", re.compile(f"[{_INVISIBLE}]"), "has the invisible character {bad}", _DELETE),
    (
        "scientific",
        re.compile(r"\A\s*\d[.,]?\d*E\+\d+\s*\Z"),
        "{text} was rounded by a spreadsheet",
        "format the column as text and enter the value again",
    ),
)
# What somebody is owed once hangs on these: another spelling of them is owed once more.
_IN_IDENTITY: tuple[_Rule, ...] = (
    *_IN_ID,
    ("other_space", re.compile(rf"(?<=\S)[{_SPACES}]+(?=\S)"), "has {bad} for a space", "write a plain space"),
    ("other_space", re.compile(rf"(?<=\S)[ {_SPACES}]{{2,}}(?=\S)"), "has several spaces together", "write one space"),
)
_IDENTITY = ("invoice", "beneficiary", "programme", "cycle", "instalment")
_IN_TEXT = ("name", "reference")
_EXTRA = ""
RULES: dict[str, tuple[_Rule, ...]] = {
    _EXTRA: _ANY,
    **{name: _IN_COLUMN if name in _IN_TEXT else _IN_ID for name in COLUMNS},
    **dict.fromkeys(_IDENTITY, _IN_IDENTITY),
}
# All rules of a field as one expression: one search tells that a cell is harmless.
_ALARMS = {field: re.compile("|".join(f"(?:{rule[1].pattern})" for rule in rules)) for field, rules in RULES.items()}


def text_problem(field: str, raw: str) -> Problem | None:
    """The first thing wrong with a raw cell as text. Fields that are no column of ours are extra data."""
    kind = field if field in RULES else _EXTRA
    if not _ALARMS[kind].search(raw):
        return None
    for code, pattern, reason, mend in RULES[kind]:
        if found := pattern.search(raw):
            return Problem(field, code, reason.format(bad=_named(found[0]), text=shown(raw)), mend)
    return None


def read_text(field: str, raw: str) -> str | Problem:
    """A column's cell stripped and in NFC, or what is wrong with it."""
    if field != "name" and is_tidy_cell(raw) and (raw or field not in REQUIRED):
        return raw
    if problem := text_problem(field, raw):
        return problem
    text = unicodedata.normalize("NFC", raw.strip())
    if not text and field in REQUIRED:
        return Problem(field, "missing", f"the {field} is empty", "write it; every invoice needs one")
    if len(text) > LONGEST[field]:
        reason = f"has {len(text)} characters, at most {LONGEST[field]} are allowed"
        return Problem(field, "too_long", reason, "shorten it")
    if field == "name" and not any(map(str.isalpha, text)):
        return Problem(field, "not_a_name", f"{shown(text)} has no letter", "write the beneficiary's name")
    return text


def _named(found: str) -> str:
    """What a person can look for: U+202E RIGHT-TO-LEFT OVERRIDE, or the byte that did not decode."""
    character = found[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"the byte 0x{code - 0xDC00:02X}, which the encoding does not know"
    if code == 0xFFFD:
        return "a replacement character: the text was damaged by a wrong encoding"
    return f"U+{code:04X} {unicodedata.name(character, '')}".strip()
