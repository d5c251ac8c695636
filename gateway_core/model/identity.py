"""Names that are derived, never drawn: entitlements, payment ids, idempotency keys, leaves of the approval digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from .compact import canonical as canonical

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*").fullmatch


def _quoted(part: str) -> str:
    return part if _PLAIN(part) else quote(part, safe="")


def entitlement_of(programme: str, cycle: str, beneficiary: str, instalment: str, invoice: str) -> str:
    """What one beneficiary is owed once (law 9); readable, and unambiguous because each part is quoted.

    Without programme and cycle it is the invoice id, unique for ever.
    """
    if not programme and not cycle:
        return "invoice:" + _quoted(invoice)
    return "/".join(map(_quoted, (programme, cycle, beneficiary, instalment)))


def derived_uuid(*parts: object) -> str:
    """A version-4-shaped UUID from SHA-256 of the parts: the same for ever, and accepted wherever a UUIDv4 is asked."""
    digest = bytearray(hashlib.sha256(canonical([str(part) for part in parts])).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x40
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(16)
def _near(deployment: str, payroll: str) -> str:
    return digest(["payroll", deployment, payroll])[:2].hex()


def payment_id(deployment: str, payroll: str, line: int, entitlement: str, number: int) -> str:
    """Id of the `number`-th payment (1-based) that was ever planned for an entitlement: on this line of this payroll.

    It begins with the payroll's hash and the line, so that payments worked on together lie together in every index:
    with scattered ids each commit would rewrite a page per payment and index.
    """
    scattered = derived_uuid("payment", deployment, payroll, line, entitlement, number)
    near = _near(deployment, payroll) + f"{line & 0xFFFFFFFF:08x}"
    return f"{near[:8]}-{near[8:]}-{scattered[14:]}"


def digest(value: object) -> bytes:
    """SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(value)).digest()


class Root:
    """Running digest over an ordered sequence of leaves; feed it line by line, it keeps 32 bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(b"gateway_core root v1")
        self.count = 0

    def add(self, leaf: bytes) -> None:
        """Add the next line's leaf."""
        self._hash.update(leaf)
        self.count += 1

    def value(self) -> bytes:
        """The digest over what was added so far, with the count."""
        final = self._hash.copy()
        final.update(self.count.to_bytes(8, "big"))
        return final.digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over all leaves."""
    root = Root()
    for leaf in leaves:
        root.add(leaf)
    return root.value()
