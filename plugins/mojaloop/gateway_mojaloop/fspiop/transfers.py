"""Whether a packet speaks of a transfer: the same people, the same amount."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .amounts import packet_amount
from .ilp import Packet
from .texts import lenient_b64


def contradiction(packet: Packet, transfer: Mapping[str, Any]) -> str:
    """What the packet says otherwise than the transfer; "" where they agree. Raises Malformed for a wrong amount.

    `transfer` as POST /transfers has it: payerFsp, payeeFsp, amount, condition.
    """
    said, amount = packet.transaction, transfer["amount"]
    for party, fsp in (("payer", "payerFsp"), ("payee", "payeeFsp")):
        if _fsp(said.get(party)) != transfer[fsp]:
            return f"the packet has another {party}"
    if packet.amount != packet_amount(amount["amount"], amount["currency"]):
        return "the packet has another amount"
    inside = said.get("amount")
    if not isinstance(inside, Mapping) or inside.get("currency") != amount["currency"]:
        return "the packet has another currency"
    if packet.condition and transfer.get("condition") and packet.condition != lenient_b64(transfer["condition"]):
        return "the packet has another condition"
    return ""


def _fsp(party: Any) -> Any:
    known = party.get("partyIdInfo") if isinstance(party, Mapping) else None
    return known.get("fspId") if isinstance(known, Mapping) else None
