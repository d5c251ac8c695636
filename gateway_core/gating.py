"""The gate before every method of a Paymaster by which a person decides: one table, so that none can be forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from .channels import Configuration
from .model.errors import NotPermitted
from .model.people import normal
from .store import Store, refusals

# Method to action (see model/roles.py). A test holds that every public method that names a person stands here.
METHODS: dict[str, str] = {
    "set_programme": "cycles", "set_cycle": "cycles", "suspend": "cycles", "activate": "cycles",
    "generate": "generate", "propose": "propose", "propose_from_pool": "propose", "carry_over": "propose",
    "approve": "approve", "reject": "reject", "send_back": "reject", "release_objections": "release_objections",
    "schedule": "schedule", "unschedule": "schedule",
    "pause": "pause", "resume": "pause", "cancel": "cancel", "cancel_sent": "cancel_sent",
    "retry": "retry", "release": "release", "lift_stop": "channels", "close_case": "cases",
    "enter_balance": "balance", "release_balance": "balance", "note": "note",
    "reconcile": "reconcile", "import_statement": "reconcile", "confirm_statement": "reconcile",
    "import_list": "reconcile", "import_sheet": "reconcile",
    "confirm_file": "reconcile", "withdraw_file": "reconcile", "decide_line": "reconcile", "explain": "reconcile",
    "set_point": "points", "set_manager": "points", "set_device": "points", "submit_proofs": "proofs",
    "accept_proofs": "accept_proofs", "reject_proofs": "accept_proofs", "count_list": "seal", "seal_list": "seal",
    "close": "close", "reject_close": "close",
    "open_dispute": "disputes", "answer_dispute": "disputes", "assign_dispute": "disputes",
    "resolve_dispute": "disputes", "reopen_dispute": "disputes",
    "restored": "restore", "restore_over": "restore",
}  # fmt: skip
# Parameters that name who acts. Where one method has several of the first two, the first one acts.
ACTORS = ("kept_by", "by")
SECOND = "second"


class Gated:
    """Base of a Paymaster's parts: each method of theirs in METHODS asks the roles before it does anything."""

    configuration: Configuration
    _store: Store

    def __init_subclass__(cls, **how: Any) -> None:
        super().__init_subclass__(**how)
        for name in METHODS.keys() & vars(cls).keys():
            setattr(cls, name, _gated(METHODS[name], vars(cls)[name]))

    def _may(self, action: str, by: str, subject: str) -> None:
        """Raises NotPermitted, which is on record then. Raises ValueError for what is no name of a person."""
        normal(by)
        try:
            self.configuration.matrix.check(action, by)
        except NotPermitted as error:
            refusals.note(self._store, action.replace("_", " "), by, subject, error)
            raise


def _gated(action: str, method: Callable[..., Any]) -> Callable[..., Any]:
    known = inspect.signature(method).parameters
    actor = next(name for name in ACTORS if name in known)
    subject = list(known)[1]

    @wraps(method)
    def gated(self: Gated, *given: Any, **named: Any) -> Any:
        about = given[0] if given else named.get(subject, "")
        for who in (actor, SECOND):
            if who in named:
                self._may(action, named[who], str(about) if subject not in ACTORS else "")
        return method(self, *given, **named)

    return gated
