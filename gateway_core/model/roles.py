"""Who may do what: actions, roles, and how many approvals a payroll needs. Without roles, the host alone decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from .errors import NotPermitted
from .money import Money
from .people import normal

# Every action that a role may list, with what it lets a person do.
ACTIONS: dict[str, str] = {
    "cycles": "make programmes and cycles, give them other terms, suspend and activate them",
    "generate": "make a cycle's invoices, into the pool",
    "propose": "propose a payroll, correct one that was sent back, carry over what stayed unpaid",
    "approve": "approve a payroll, at the levels that name one of the person's roles",
    "reject": "reject a proposal, or send it back for correction",
    "release_objections": "be the first of two who let a payroll go in spite of objections",
    "schedule": "say when a payroll is paid",
    "pause": "pause and resume a payroll",
    "cancel": "withdraw what was not sent",
    "cancel_sent": "ask the bank to cancel what was handed over",
    "retry": "try a refused payment again",
    "release": "say what becomes of a held payment or file",
    "balance": "enter a balance, or let a payroll go that no known balance covers",
    "note": "note something about a payment or a payroll",
    "reconcile": "compare with the gateway, give files, confirm them, explain differences",
    "points": "say what a payment point is, who runs it, and whose a phone is",
    "proofs": "give in what officers recorded when they paid out cash",
    "accept_proofs": "accept or reject proofs of cash",
    "seal": "count the cash of a pay list, and seal it",
    "close": "close a payroll, or reject a close",
    "cases": "close a case",
    "channels": "use a channel again that was stopped",
    "disputes": "note, assign, answer and resolve disputes",
    "restore": "say that a store was restored from a backup",
}


@attrs.frozen
class Role:
    """`people` are normal names, `may` are actions."""

    name: str
    people: frozenset[str]
    may: frozenset[str]


@attrs.frozen
class Level:
    """An approval by one person of a role ('': anybody who may approve), for payrolls above an amount (None: all)."""

    role: str
    above: Money | None = None

    def needed(self, total: Money) -> bool:
        """An amount of another currency says nothing about this total: then the level is needed."""
        known = self.above is not None and self.above.currency == total.currency
        return not known or (self.above is not None and total.minor > self.above.minor)


@attrs.frozen
class Matrix:
    """Roles by name, and the levels of approval in their order."""

    roles: Mapping[str, Role] = attrs.field(factory=dict)
    levels: Sequence[Level] = ()

    def check(self, action: str, by: str) -> None:
        """Raises NotPermitted where roles are configured and none of this person's may do it."""
        if self.roles and not any(action in role.may for role in self._of(by)):
            named = ", ".join(sorted(role.name for role in self._of(by))) or "no role"
            raise NotPermitted(f"{by!r} has {named} and may not {action.replace('_', ' ')} here")

    def is_a(self, by: str, role: str) -> bool:
        """Whether a level that names this role is the person's. '' is everybody's."""
        return not role or any(one.name == role for one in self._of(by))

    def needed(self, total: Money) -> list[str]:
        """The roles whose approval a payroll of this total needs, in order. At least one."""
        return [level.role for level in self.levels if level.needed(total)] or [""]

    def _of(self, by: str) -> list[Role]:
        person = normal(by)
        return [role for role in self.roles.values() if person in role.people]


# The host alone decides, and one approval is enough.
OPEN = Matrix()
