"""Requests that nobody here thought of, made from the GSMA's own document: every answer is as the document has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Operator
from .openapi import DOCUMENTS, FOLDER

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the GSMA's documents are not beside this repository")
# What the simulator serves of it. In a path of several types, it serves one.
SERVED = {
    ("POST", "/transactions/type/{transactionType}"): {"transactionType": "disbursement"},
    ("POST", "/batchtransactions"): {},
    ("GET", "/batchtransactions/{batchId}"): {"batchId": "BID000001"},
    ("PATCH", "/batchtransactions/{batchId}"): {"batchId": "BID000001"},
    ("GET", "/batchtransactions/{batchId}/completions"): {"batchId": "BID000001"},
    ("GET", "/batchtransactions/{batchId}/rejections"): {"batchId": "BID000001"},
    ("GET", "/transactions/{transactionReference}"): {},
    ("GET", "/responses/{clientCorrelationId}"): {},
    ("GET", "/requeststates/{serverCorrelationId}"): {},
    ("GET", "/accounts/{identifierType}/{identifier}/balance"): {},
    ("GET", "/accounts/{identifierType}/{identifier}/status"): {"identifierType": "msisdn"},
    ("GET", "/accounts/{identifierType}/{identifier}/accountname"): {"identifierType": "msisdn"},
    ("GET", "/accounts/{identifierType}/{identifier}/transactions"): {},
    ("GET", "/heartbeat"): {},
}
CREDENTIALS = {"Authorization": "Basic Z3JhbnRzOng="}


PAYING, LOADING, *ASKING = SERVED
ASKED = [(mode, PAYING) for mode in ("sync", "callback", "polling")]
ASKED += [("sync", operation) for operation in (LOADING, *ASKING)]
TAKEN = {PAYING: {201, 202}, LOADING: {202}}
# What a payment must have beside all that the document allows: somebody to pay, in a currency that there is.
AMOUNTS = st.integers(1, 10**9).map(str)
PAYEES = st.integers(0, 89_999).map("+2567721{:05d}".format)


def plausible(said: Any, amount: str, payee: str) -> dict[str, Any]:
    """A generated payment, made one that an operator can pay; what else it has stays as it was generated."""
    return {
        **(said if isinstance(said, dict) else {}), "amount": amount, "currency": "UGX", "type": "disbursement",
        "debitParty": [{"key": "accountid", "value": "2999"}], "creditParty": [{"key": "msisdn", "value": payee}],
    }  # fmt: skip


def mended(operation: tuple[str, str], body: Any, amount: str, payee: str) -> Any:
    """The body of a payment or a batch, its payments plausible."""
    if operation == PAYING:
        return plausible(body, amount, payee)
    items = body.get("transactions") if isinstance(body, dict) else None
    some = items if isinstance(items, list) and items else [{}]
    return {**(body if isinstance(body, dict) else {}), "transactions": [plausible(one, amount, payee) for one in some]}


@pytest.mark.few(6)
@pytest.mark.parametrize(("mode", "operation"), ASKED, ids=str)
def test_every_answer_is_as_the_document_has_it(
    mode: str, operation: tuple[str, str], start: Callable[..., Operator]
) -> None:
    operator = start("gsma", mode=mode)
    document = schemathesis.openapi.from_path(str(FOLDER / DOCUMENTS["1.2"]))
    checks = [
        schemathesis.checks.CHECKS.get_one(name)
        for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance",
                     "response_schema_conformance")
    ]  # fmt: skip
    seen: list[int] = []
    if "batchId" in operation[1]:
        _loaded(operator)

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=document[operation[1]][operation[0]].as_strategy(), mend=st.booleans(), amount=AMOUNTS, payee=PAYEES)
    def one(case: Any, mend: bool, amount: str, payee: str) -> None:
        if mend and operation in TAKEN:
            case.body = mended(operation, case.body, amount, payee)
        case.path_parameters = {**(case.path_parameters or {}), **SERVED[operation]}
        headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "x-callback-url"}
        case.headers = headers
        response = case.call(base_url=operator.url, headers=CREDENTIALS)
        seen.append(response.status_code)
        case.validate_response(response, checks=checks)

    one()
    if operation in TAKEN:
        assert TAKEN[operation] & set(seen) and min(seen) < 400 <= max(seen), "some were taken, and some refused"
    assert len(seen) >= (1 if operation[1] == "/heartbeat" else 10)


def _loaded(operator: Operator) -> None:
    """The batch about which is asked."""
    item = plausible({}, "5", "+256772112345")
    headers = {**CREDENTIALS, "X-CorrelationID": "0" * 8 + "-0000-4000-8000-" + "0" * 12}
    body = {"batchTitle": "asked about", "transactions": [item]}
    assert httpx.post(operator.url + "/batchtransactions", json=body, headers=headers, trust_env=False).is_success
