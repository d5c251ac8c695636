"""The life of a payment, a payroll and a file, each as one table. All else asks these tables; the docs draw them.

A payment's state is folded from its facts (`life.fold`); the store refuses a change that is no edge of `PAYMENT`.
"""

from __future__ import annotations

# Who proposes is the maker. `planned` and `ready` differ by the payroll's approval alone: no fact of the payment's own.
PAYMENT: dict[str, frozenset[str]] = {
    "planned": frozenset({"ready", "cancelled"}),
    # A rail may contradict the proof that made a payment ready again (unknown, returned): then it is asked.
    "ready": frozenset({"sending", "refused", "held", "cancelled", "unknown", "returned"}),
    "sending": frozenset({"ready", "pending", "paid", "refused", "unknown", "held", "returned"}),
    "pending": frozenset({"unknown", "ready", "sending", "paid", "refused", "returned", "cancelled", "held"}),
    "unknown": frozenset({"pending", "ready", "sending", "paid", "refused", "returned", "cancelled", "held"}),
    "held": frozenset({"ready", "pending", "paid", "refused", "returned", "cancelled"}),
    # Paid after all; or that, and back again, where the return was heard first.
    "refused": frozenset({"ready", "paid", "returned"}),
    "paid": frozenset({"returned"}),
    "returned": frozenset(),
    "cancelled": frozenset({"paid", "returned"}),
}
STATES = tuple(PAYMENT)

# Nothing more happens by itself in these.
SETTLED = frozenset({"paid", "refused", "returned", "cancelled"})
# What was to be paid is owed still: nothing moved for good.
UNPAID = SETTLED - {"paid"}
# Money may move, or has moved and not come back: the entitlement is taken.
TAKEN = frozenset({"sending", "pending", "unknown", "held", "paid"})
# Nothing was sent, or nothing can still land: these may be withdrawn.
UNSENT = frozenset({"planned", "ready"})

PAYROLL: dict[str, frozenset[str]] = {
    "draft": frozenset({"awaiting_approval", "cancelled"}),
    # Sent back for correction, it is a draft again.
    "awaiting_approval": frozenset({"approved", "rejected", "cancelled", "draft"}),
    "approved": frozenset({"ongoing", "cancelled"}),
    "ongoing": frozenset({"awaiting_reconciliation"}),
    "awaiting_reconciliation": frozenset({"ongoing", "reconciled"}),
    "reconciled": frozenset(),
    "rejected": frozenset(),
    "cancelled": frozenset(),
}
# Payments of a payroll in these may be sent (unless it is paused).
SENDS = frozenset({"approved", "ongoing", "awaiting_reconciliation"})
# Payrolls in these were withdrawn as a whole: their lines are cancelled and free their invoices.
WITHDRAWN = frozenset({"rejected", "cancelled"})

# A file of many payments (model/document.py).
DOCUMENT: dict[str, frozenset[str]] = {
    "planned": frozenset({"ready", "held", "withdrawn"}),
    # After its put-intent it is `ready` again when every copy provably never left.
    "ready": frozenset({"sending", "unknown", "held", "handed_over", "refused", "withdrawn"}),
    "sending": frozenset({"ready", "pending", "unknown", "held", "handed_over", "refused"}),
    "pending": frozenset({"ready", "sending", "unknown", "held", "handed_over", "refused"}),
    "unknown": frozenset({"ready", "sending", "pending", "held", "handed_over", "refused"}),
    "held": frozenset({"ready", "pending", "handed_over", "refused", "withdrawn"}),
    # Nothing was heard of it for too long; or two people know that the bank lost it, and the same bytes go again.
    "handed_over": frozenset({"ready", "held", "refused"}),
    "refused": frozenset(),
    "withdrawn": frozenset(),
}
# Nothing more happens to it by itself.
DELIVERED = frozenset({"handed_over", "refused", "withdrawn"})


def shown_state(payment_state: str, payroll_state: str) -> str:
    """A line without facts of its own takes its state from its payroll: approving 1,000,000 lines is one row."""
    if payment_state != "planned":
        return payment_state
    if payroll_state in WITHDRAWN:
        return "cancelled"
    return "ready" if payroll_state in SENDS else "planned"
