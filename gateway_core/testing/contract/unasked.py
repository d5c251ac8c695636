"""What a gateway says against a payment by itself, held against what it then does with it."""

from __future__ import annotations

from ...contract.channel import Channel
from ...model.payment import Objection, Payment


def misjudged(channel: Channel, payment: Payment) -> str:
    """What is wrong with `check_payment` of a payment that was sent; "" when all is well."""
    try:
        said = list(channel._hooks.check_payment(payment=payment))
    except Exception as error:
        return f"check_payment raised {error!r}"
    if not all(isinstance(one, Objection) for one in said):
        return f"check_payment gives {said!r}, not objections"
    against = [one.message for one in said if one.blocks]
    return f"check_payment objects to {payment.invoice!r}, which was sent: {against[0]}" if against else ""
