"""Requests that nobody here thought of, made from the GSMA's own document: every answer is as the document has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from .conftest import Operator
from .openapi import DOCUMENTS, FOLDER

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the GSMA's documents are not beside this repository")
# What the simulator serves of it. In a path of several types, it serves one.
SERVED = {
    ("POST", "/transactions/type/{transactionType}"): {"transactionType": "disbursement"},
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


PAYING, *ASKING = SERVED
ASKED = [(mode, PAYING) for mode in ("sync", "callback", "polling")] + [("sync", operation) for operation in ASKING]


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

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=document[operation[1]][operation[0]].as_strategy())
    def one(case: Any) -> None:
        case.path_parameters = {**(case.path_parameters or {}), **SERVED[operation]}
        headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "x-callback-url"}
        case.headers = headers
        response = case.call(base_url=operator.url, headers=CREDENTIALS)
        seen.append(response.status_code)
        case.validate_response(response, checks=checks)

    one()
    assert len(seen) >= (1 if operation[1] == "/heartbeat" else 10)
