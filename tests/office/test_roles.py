"""The role matrix: every action by every role, and every method of a Paymaster behind the action that it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.gating import METHODS
from gateway_core.model.errors import NotPermitted
from gateway_core.model.roles import ACTIONS, Matrix, Role
from gateway_core.paymaster import Paymaster
from gateway_core.store import books

if TYPE_CHECKING:
    from tests.conftest import Shop

Open = Callable[..., "Shop"]
# Somebody of each role, as an office may have them. `nobody` has no role.
ROLES: dict[str, list[str]] = {
    "clerk": ["propose", "schedule", "note", "disputes", "points", "proofs"],
    "checker": ["approve", "reject", "release_objections", "balance", "cancel", "cancel_sent", "pause"],
    "treasurer": ["release", "retry", "channels", "cases", "balance", "restore"],
    "auditor": ["reconcile", "close", "accept_proofs", "seal"],
    "planner": ["cycles", "generate"],
    "nobody": [],
}
CONFIGURED = {name: {"people": [f"the {name}"], "may": may} for name, may in ROLES.items() if may}


def people_of(method: str) -> list[str]:
    known = inspect.signature(getattr(Paymaster, method)).parameters
    return [name for name in ("by", "kept_by", "second") if name in known]


def test_every_method_by_which_a_person_decides_is_behind_the_gate() -> None:
    public = [name for name in dir(Paymaster) if not name.startswith("_") and callable(getattr(Paymaster, name))]
    deciding = {name for name in public if people_of(name)}
    assert deciding == set(METHODS) & set(public), "say in gating.METHODS which action each is"
    assert set(METHODS.values()) == set(ACTIONS)
    # Each is tried below by somebody who may and by somebody who may not.
    assert {action for may in ROLES.values() for action in may} == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", ROLES)
def test_the_matrix(action: str, role: str) -> None:
    roles = {n: Role(n, frozenset(c["people"]), frozenset(c["may"])) for n, c in CONFIGURED.items()}
    matrix = Matrix(roles)
    if action in ROLES[role]:
        matrix.check(action, f"  The {role.upper()} ")
    else:
        with pytest.raises(NotPermitted, match="may not"):
            matrix.check(action, f"the {role}")
    Matrix().check(action, "anybody")


@pytest.fixture(scope="module")
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dummy: Any) -> Any:
    request.getfixturevalue("stores_of_session")
    from tests.conftest import Shop

    shop = Shop(tmp_path_factory.mktemp("office"), dummy.url, roles=CONFIGURED)
    payroll = shop.paymaster.propose("payroll", shop.invoices(1, cycle="roles"), channel="dummy", by="the clerk")
    yield shop, payroll
    shop.paymaster.close_store()


ARGUMENTS: dict[str, Any] = {
    "reason": "a reason", "at": "2099-01-01 08:00", "zone": "UTC", "channel": "dummy", "to": "ready",
    "name": "new name", "statement": b"", "path": "nowhere.csv", "file": "no file", "line": 1, "accept": True,
    "text": "a text", "number": 1, "case": 1, "resolution": "none", "invoices": [], "amount": "5 UGX",
}  # fmt: skip


def tried(shop: Any, payroll: str, method: str, who: str) -> BaseException | None:
    """What came of it when this person called it."""
    function = getattr(shop.paymaster, method)
    given: dict[str, Any] = {}
    for name, one in inspect.signature(function).parameters.items():
        if name in ("by", "kept_by", "second"):
            given[name] = who if name != "second" else f"{who} too"
        elif one.default is one.empty and one.kind is not one.VAR_KEYWORD:
            given[name] = ARGUMENTS.get(name, payroll)
    if method == "open_dispute":
        given.pop("by", None)
    try:
        function(**given)
    except Exception as error:
        # Whoever may do it gets past the gate; what the rest makes of such arguments is tested elsewhere.
        return error
    return None


@pytest.mark.parametrize("method", METHODS)
def test_every_role_tries_every_method(method: str, office: tuple[Shop, str]) -> None:
    shop, payroll = office
    for role, may in ROLES.items():
        before = refusals(shop, payroll)
        error = tried(shop, payroll, method, f"the {role}")
        refused = isinstance(error, NotPermitted) and "may not" in str(error)
        # Two people restore a store: this role is the second one's, too, only for whoever is in it.
        allowed = METHODS[method] in may and method not in ("restored", "restore_over")
        assert refused == (not allowed), (role, error)
        assert refusals(shop, payroll) == before + refused, role


def refusals(shop: Shop, payroll: str) -> int:
    """How often somebody was refused by the matrix, wherever that is on record."""
    facts = [*shop.paymaster.events(payroll)]
    desk = books.facts_of(shop.paymaster._store, books.DESK)
    why = [str(event.details.get("why", "")) for event in facts if event.kind == "refused_to"]
    why += [str(fact.body["why"]) for fact in desk if fact.kind == "refused_to"]
    return sum("may not" in text for text in why)


def test_what_was_refused_is_on_record_and_verified(open_shop: Open) -> None:
    shop = open_shop(roles=CONFIGURED)
    with pytest.raises(NotPermitted):
        shop.paymaster.propose("payroll", shop.invoices(1, cycle=str(shop.folder)), channel="dummy", by="mallory")
    (fact,) = shop.paymaster.events("desk")
    assert (fact.kind, fact.source) == ("refused_to", "mallory")
    assert fact.details == {
        "what": "propose", "why": "'mallory' has no role and may not propose here", "subject": "payroll"
    }  # fmt: skip
    assert shop.paymaster.status() == [] and shop.paymaster.verify().ok
    shop.change_store("UPDATE books SET facts = 7")
    assert not shop.paymaster.verify().ok


def test_a_name_that_is_none_is_no_way_around(open_shop: Open) -> None:
    shop = open_shop(roles=CONFIGURED)
    for name in ("", "  ", "the\u200bclerk"):
        with pytest.raises(ValueError):
            shop.paymaster.propose("payroll", shop.invoices(1), channel="dummy", by=name)
