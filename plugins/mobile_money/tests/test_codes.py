"""Every row of the operators' code tables: what it means in the answer to a payment, and when we ask about one."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gateway_core.contract import Unknown, Waiting

from .saying import pay, read, stops

TABLES = files("gateway_mobile_money").joinpath("tables")
SHARED = Path(__file__).parents[4] / "shared" / "data" / "mobile-money" / "tables"
NAMES = ("airtel_disbursement_codes.csv", "gsma_errors.csv", "mpesa_b2c_codes.csv", "mtn_reasons.csv")

UNKNOWN, WAITING, TAKEN_BACK = ("Unknown", False, False), ("Waiting", False, False), ("NotTaken", False, False)
REFUSED, STOPPED, ENDED = ("Refused", False, False), ("Refused", True, False), ("Refused", True, True)
# What a class of codes means, said of a copy that was just sent, and said of the key when asked.
SENT = {
    "success": ("Done", False, False), "accepted": WAITING, "pending": WAITING, "duplicate_lookup": WAITING,
    "final_fail": REFUSED, "final_fail_config": STOPPED, "final_fail_pause_batch": STOPPED,
    "not_accepted_retry_same_key": TAKEN_BACK, "ambiguous": UNKNOWN, "not_found_recheck": UNKNOWN,
}  # fmt: skip
FOUND = SENT | {
    "final_fail_config": ENDED, "final_fail_pause_batch": ENDED, "not_accepted_retry_same_key": UNKNOWN,
    "duplicate_lookup": UNKNOWN, "not_found_recheck": ("NotFound", False, False),
}  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(TABLES.joinpath(name).read_text(encoding="utf-8").splitlines()))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference's tables are not beside this repository")
@pytest.mark.parametrize("name", NAMES)
def test_our_tables_are_the_references(name: str) -> None:
    assert TABLES.joinpath(name).read_text(encoding="utf-8") == (SHARED / name).read_text(encoding="utf-8")


# -- GSMA ------------------------------------------------------------------------------------------------------------

GSMA = pay("gsma")


@pytest.mark.parametrize("row", rows("gsma_errors.csv"), ids=lambda row: f"{row['errorCategory']}/{row['errorCode']}")
@pytest.mark.parametrize("case", [str, str.upper, lambda text: text[:1].upper() + text[1:]])
def test_gsma_errors(row: dict[str, str], case: Any) -> None:
    error = {"errorCategory": case(row["errorCategory"]), "errorCode": case(row["errorCode"]), "errorDescription": "x"}
    sent, found = SENT.get(row["money_class"], REFUSED), FOUND.get(row["money_class"], REFUSED)
    if row["errorCode"] == "clientAuthorisationError":
        sent = STOPPED  # a fresh token was tried before anybody reads this
    for status in {int(row["http"]), 500}:
        assert stops(read("gsma", GSMA, status, error)) == sent
    # The error to which /responses led, and the error inside a request state.
    assert stops(read("gsma", GSMA, 200, error, "find_out", "/errors/4711")) == found
    state = {"serverCorrelationId": "s-1", "status": "failed", "error": error}
    assert stops(read("gsma", GSMA, 200, state, "find_out", "/requeststates/s-1")) == found
    # Said of the question, it says nothing of the payment.
    if row["errorCode"] != "identifierError":
        assert stops(read("gsma", GSMA, int(row["http"]), error, "find_out")) == UNKNOWN


def test_a_gsma_code_that_nobody_listed_is_unknown_and_shown() -> None:
    verdict = read(
        "gsma", GSMA, 400, {"errorCategory": "businessRule", "errorCode": "moonPhase", "errorDescription": "?!"}
    )
    assert isinstance(verdict, Unknown) and "moonphase" in verdict.why and "?!" in verdict.why


# -- MTN -------------------------------------------------------------------------------------------------------------

MTN = pay("mtn")
BY_STATUS = {"(bad request)": 400, "(invalid subscription key)": 401, "(forbidden IP)": 403}


def transfer(**more: Any) -> dict[str, Any]:
    order = MTN.request.json
    return {name: order[name] for name in ("amount", "currency", "externalId", "payee")} | more


@pytest.mark.parametrize("row", rows("mtn_reasons.csv"), ids=lambda row: f"{row['code']} {row['where']}")
def test_mtn_reasons(row: dict[str, str]) -> None:
    for code in row["code"].split(" / "):
        if code in BY_STATUS:
            sent = STOPPED if "(invalid" in code else SENT[row["money_class"]]
            for body in (b"", b"<html>", {"message": "x"}):
                assert stops(read("mtn", MTN, BY_STATUS[code], body)) == sent
            assert stops(read("mtn", MTN, BY_STATUS[code], {"code": code}, "find_out")) == UNKNOWN
            continue
        for status in [int(text) for text in row["http"].split("/") if int(text) >= 409]:
            assert stops(read("mtn", MTN, status, {"code": code, "message": "x"})) == SENT[row["money_class"]]
        if "status reason" in row["where"]:
            for reason in (code, {"code": code, "message": "x"}):
                found = read("mtn", MTN, 200, transfer(status="FAILED", reason=reason), "find_out")
                assert stops(found) == FOUND[row["money_class"]]
        if row["where"] == "GET":
            assert stops(read("mtn", MTN, 404, {"code": code}, "find_out")) == FOUND[row["money_class"]]
            assert stops(read("mtn", MTN, 404, {"code": code})) == UNKNOWN


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_an_mtn_code_comes_before_the_status(status: int) -> None:
    """A duplicate is looked up with whatever status it comes; a code that nobody listed is unknown."""
    assert stops(read("mtn", MTN, status, {"code": "RESOURCE_ALREADY_EXIST"})) == WAITING
    verdict = read("mtn", MTN, status, {"code": "MOON_PHASE"})
    assert isinstance(verdict, Unknown) and "MOON_PHASE" in verdict.why


REFUSALS = [
    ("gsma", {"errorCategory": "businessRule", "errorCode": "incorrectState"}),
    ("gsma", {"errorCategory": "identification", "errorCode": "identifierError"}),
    ("gsma", {"errorCategory": "authorisation", "errorCode": "clientAuthorisationError"}),
    ("gsma", {"errorCategory": "businessRule", "errorCode": "rateLimitError"}),
    ("mtn", {"code": "PAYEE_NOT_FOUND"}), ("mtn", {"code": "NOT_ALLOWED"}),
    ("mpesa", {"errorCode": "400.002.02"}), ("mpesa", {"errorCode": "500.003.02"}),
    ("mpesa", {"errorCode": "404.001.03"}),
    ("airtel", {"status": {"response_code": "DP00900001012"}}),
]  # fmt: skip


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize(("profile", "body"), REFUSALS)
def test_what_a_proxy_may_have_said_is_a_time_out(profile: str, body: dict[str, Any], status: int) -> None:
    assert stops(read(profile, pay(profile), status, body)) == UNKNOWN


def test_a_failed_transfer_with_a_reason_that_nobody_listed_is_unknown_and_shown() -> None:
    verdict = read("mtn", MTN, 200, transfer(status="FAILED", reason="MOON_PHASE"), "find_out")
    assert isinstance(verdict, Unknown) and "MOON_PHASE" in verdict.why
    assert stops(read("mtn", MTN, 200, transfer(status="FAILED"), "find_out")) == REFUSED


# -- M-Pesa ----------------------------------------------------------------------------------------------------------

MPESA = pay("mpesa")


def result(**parameters: Any) -> dict[str, Any]:
    known = {"Amount": "500.00", "ReceiptNo": "R1", "DebitPartyName": f"{MPESA.request.json['PartyB']} - AMINA"}
    pairs = [{"Key": key, "Value": value} for key, value in (known | parameters).items()]
    return {"Result": {"ResultCode": "0", "ResultDesc": "ok", "ResultParameters": {"ResultParameter": pairs}}}


@pytest.mark.parametrize("row", rows("mpesa_b2c_codes.csv"), ids=lambda row: f"{row['kind']} {row['code']}")
def test_mpesa_codes(row: dict[str, str]) -> None:
    for code in row["code"].split(" / "):
        if row["kind"] == "sync ResponseCode":
            acknowledged = {"ResponseCode": code, "OriginatorConversationID": MPESA.request.key}
            assert stops(read("mpesa", MPESA, 200, acknowledged)) == SENT[row["money_class"]]
        elif row["kind"] == "sync errorCode":
            sent = STOPPED if "token" in row["meaning"] else SENT[row["money_class"]]
            for status in (200, int(code.split(".")[0])):
                assert stops(read("mpesa", MPESA, status, {"errorCode": code, "errorMessage": "x"})) == sent
                assert stops(read("mpesa", MPESA, status, {"errorCode": code}, "find_out")) == UNKNOWN
        elif row["kind"] == "ResultCode" and code != "0":
            failed = result(TransactionStatus="Failed", TransactionResultCode=code)
            assert stops(read("mpesa", MPESA, 200, failed, "callback")) == FOUND[row["money_class"]]
            # The outer code is about the query, and says nothing.
            outer = {"Result": {"ResultCode": code, "ResultDesc": "x"}}
            assert stops(read("mpesa", MPESA, 200, outer, "callback", not_found_codes=[])) == UNKNOWN


def test_an_mpesa_payment_that_failed_for_a_reason_that_nobody_listed_is_unknown_and_shown() -> None:
    verdict = read("mpesa", MPESA, 200, result(TransactionStatus="Failed", TransactionResultCode="4711"), "callback")
    assert isinstance(verdict, Unknown) and "4711" in verdict.why
    assert stops(read("mpesa", MPESA, 200, result(TransactionStatus="Failed"), "callback")) == REFUSED


def test_a_query_for_what_nobody_heard_of_is_read_as_the_onboarding_test_found() -> None:
    outer = {"Result": {"ResultCode": "SFC_IC0003", "ResultDesc": "x"}}
    assert stops(read("mpesa", MPESA, 200, outer, "callback")) == ("NotFound", False, False)


# -- Airtel ----------------------------------------------------------------------------------------------------------

AIRTEL = pay("airtel")


def airtel(code: str, state: str = "", key: str | None = AIRTEL.request.key) -> dict[str, Any]:
    transaction = {"id": key, "status": state, "airtel_money_id": "A1"} if key is not None else {}
    return {"status": {"response_code": code, "success": True}, "data": {"transaction": transaction}}


@pytest.mark.parametrize("row", rows("airtel_disbursement_codes.csv"), ids=lambda row: row["response_code"])
def test_airtel_codes(row: dict[str, str]) -> None:
    code, kind = row["response_code"], row["money_class"]
    if code.startswith("T"):
        # The transaction's own status, beside a code of success: an enquiry that found it so.
        found = read("airtel", AIRTEL, 200, airtel("DP00900001001", code), "find_out")
        assert stops(found) == FOUND[kind]
        return
    state = "TS" if kind == "success" else ""
    assert stops(read("airtel", AIRTEL, 200, airtel(code, state))) == SENT[kind]
    assert stops(read("airtel", AIRTEL, 200, airtel(code, state), "find_out")) == FOUND[kind]
    # Without our id it may be the enquiry that was refused.
    nameless = read("airtel", AIRTEL, 200, airtel(code, state, None), "find_out")
    assert stops(nameless) == (FOUND[kind] if kind == "not_found_recheck" else UNKNOWN)
    # HTTP and `success` decide nothing.
    assert stops(read("airtel", AIRTEL, 500, airtel(code, state))) == UNKNOWN


@pytest.mark.parametrize(("code", "state"), [
    ("DP00900001001", "TF"), ("DP00900001005", "TS"), ("DP00900001001", ""), ("DP00900001012", "TIP"),
    ("DP00900001010", "TA"),
])  # fmt: skip
def test_airtel_words_that_contradict_each_other_are_unknown(code: str, state: str) -> None:
    assert stops(read("airtel", AIRTEL, 200, airtel(code, state))) == UNKNOWN


# -- belonging, and the ways between answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"externalId": "another"},
        {"amount": "1"},
        {"currency": "KES"},
        {"payee": {"partyIdType": "MSISDN", "partyId": "1"}},
    ],
)
def test_a_transfer_of_another_payment_says_nothing(change: dict[str, Any]) -> None:
    said = transfer(status="SUCCESSFUL", financialTransactionId="1")
    assert stops(read("mtn", MTN, 200, said, "find_out"))[0] == "Done"
    assert stops(read("mtn", MTN, 200, said | change, "find_out")) == UNKNOWN


def transaction(**more: Any) -> dict[str, Any]:
    order = {name: value for name, value in GSMA.request.json.items() if name != "descriptionText"}
    return {**order, "type": "disbursement", "transactionReference": "T1", "transactionStatus": "Completed", **more}


@pytest.mark.parametrize(("change", "said"), [
    ({}, "Done"), ({"transactionStatus": "completed"}, "Done"), ({"amount": "50000.00"}, "Done"),
    ({"requestingOrganisationTransactionReference": None}, "Done"), ({"transactionStatus": "Failed"}, "Refused"),
    ({"transactionStatus": "reversed"}, "Returned"), ({"transactionStatus": "pending"}, "Waiting"),
    ({"transactionStatus": "dancing"}, "Unknown"), ({"transactionStatus": None}, "Unknown"),
    ({"amount": "1"}, "Unknown"), ({"currency": "KES"}, "Unknown"), ({"creditParty": []}, "Unknown"),
    ({"type": "reversal"}, "Unknown"), ({"type": "Disbursement"}, "Done"),
    ({"creditParty": [{"key": "msisdn", "value": "+256772100002"}]}, "Unknown"),
    ({"transactionReference": ""}, "Unknown"),
    ({"requestingOrganisationTransactionReference": "another"}, "Unknown"),
])  # fmt: skip
def test_what_a_transaction_says(change: dict[str, Any], said: str) -> None:
    assert stops(read("gsma", GSMA, 201, transaction(**change)))[0] == said
    assert stops(read("gsma", GSMA, 200, transaction(**change), "find_out", "/transactions/T1"))[0] == said
    other = {"x-correlationid": "0f8fad5b-d9cb-469f-a165-70867728950e"}
    assert stops(read("gsma", GSMA, 200, transaction(), "find_out", "/transactions/T1", other)) == UNKNOWN


def test_a_request_state_leads_on_and_proves_nothing_itself() -> None:
    def asked(http: int, **said: Any) -> str:
        body = {"serverCorrelationId": "s-1", "notificationMethod": "polling"} | said
        verdict = read("gsma", GSMA, http, body, "find_out", "/requeststates/s-1")
        assert isinstance(verdict, Waiting), verdict
        return verdict.ask_next.path if verdict.ask_next else ""

    responses = f"/responses/{GSMA.request.key}"
    assert asked(200, status="pending") == ""
    assert asked(200, status="completed", objectReference="T1") == "/transactions/T1"
    assert asked(200, status="completed") == asked(200, status="failed") == responses
    # A state that is gone is no payment that is not found.
    assert asked(404, errorCategory="identification", errorCode="identifierError") == responses
    polled = {"serverCorrelationId": GSMA.request.key, "status": "pending", "notificationMethod": "polling"}
    first = read("gsma", GSMA, 202, polled)
    assert isinstance(first, Waiting) and first.ask_next is not None
    assert first.ask_next.path == f"/requeststates/{GSMA.request.key}"
    placeholder = read("gsma", GSMA, 202, polled | {"serverCorrelationId": "string"})
    assert isinstance(placeholder, Waiting) and placeholder.ask_next is None
    other = {"serverCorrelationId": "s-2", "status": "completed"}
    assert stops(read("gsma", GSMA, 200, other, "find_out", "/requeststates/s-1")) == UNKNOWN
