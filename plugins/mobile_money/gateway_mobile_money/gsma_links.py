"""Links in answers of the GSMA API. They are followed only to where the questions go anyway."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from gateway_core.contract import path

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PLAIN = re.compile(r"[A-Za-z0-9._@+$~-]{1,256}")


def uuid(said: object) -> str:
    """It, if it is one: placeholders such as "string" lead nowhere."""
    return said if isinstance(said, str) and _UUID.fullmatch(said) else ""


def link(base_url: str, said: object, bare: str = "") -> str:
    """The path below `base_url` of an absolute or relative link; "" for another origin, or anything unclear.

    `bare`: where a value without slashes is an id in this collection.
    """
    if not isinstance(said, str) or not said:
        return ""
    if "/" not in said:
        return path(bare, said) if bare and _PLAIN.fullmatch(said) and said.strip(".") else ""
    base = urlsplit(base_url)
    try:
        there = urlsplit(said)
    except ValueError:
        return ""
    if (there.scheme, there.netloc) not in {("", ""), (base.scheme, base.netloc)} or there.query or there.fragment:
        return ""
    within = there.path
    if base.path and within.startswith(base.path + "/"):
        within = within.removeprefix(base.path)
    elif there.netloc and base.path:
        return ""
    segments = [unquote(segment) for segment in within.strip("/").split("/")]
    if not all(_PLAIN.fullmatch(segment) and segment.strip(".") for segment in segments):
        return ""
    return path(*segments)
