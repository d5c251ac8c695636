"""What reports and statements mean: levels, the lattice, the ladder, batches, returns; and what they never mean."""

from __future__ import annotations

import io
import itertools
import random

import attrs
import pytest
from gateway_bank_transfer import codes
from gateway_bank_transfer.accounts import Ours
from gateway_bank_transfer.facts import fact
from gateway_bank_transfer.reading.rows import Rows
from gateway_bank_transfer.reading.safe import Refused
from gateway_bank_transfer.simulator.answers import Status
from gateway_bank_transfer.words import Word
from gateway_bank_transfer.writing.payee import Where
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.contract import Returned
from gateway_core.model.short import short_id

from .saying import (
    ACCOUNT,
    BATCH,
    MAPPING,
    ONE,
    TWO,
    UETRS,
    after,
    batch_of,
    book,
    booking,
    mt940,
    profile,
    read,
    rejected,
    report,
    statement,
)

BOTH = (ONE, TWO)


def states(*bodies: str | bytes, **rules: bool) -> tuple[str, str]:
    said = after(*bodies, **rules).states()
    return said[ONE], said[TWO]


@pytest.mark.parametrize(("status", "state"), [
    ("RCVD", "SUBMITTED"), ("ACTC", "SUBMITTED"), ("PDNG", "PENDING_AT_BANK"), ("ACCP", "ACCEPTED"),
    ("ACSP", "ACCEPTED"), ("ACSC", "ACCEPTED"), ("ACCC", "ACCEPTED"), ("RJCT", "REJECTED"), ("CANC", "CANCELLED"),
    ("PART", "SUBMITTED"), ("PEND", "SUBMITTED"), ("ACCT", "SUBMITTED"),
])  # fmt: skip
def test_a_status_of_the_group_is_every_lines_and_never_makes_one_paid(status: str, state: str) -> None:
    assert states(report(status)) == (state, state)


@pytest.mark.parametrize("code", ["PEND", "ACCT", "BLCK", "PATC", "ACWC", "RVNM"])
def test_people_look_at_a_status_that_is_strange_or_asks_for_it(code: str) -> None:
    assert after(report(code)).looked_at()


def test_the_deeper_level_counts() -> None:
    assert states(report("PART", "PART", [rejected()])) == ("SUBMITTED", "REJECTED")
    assert states(report("ACSP", "", [rejected()])) == ("ACCEPTED", "REJECTED")
    assert states(report("", "ACCP")) == ("ACCEPTED", "ACCEPTED")


def test_the_reason_of_a_line_is_its_own_not_its_batchs() -> None:
    made = after(report("RJCT", "RJCT", [rejected(ONE, "AC04"), rejected(TWO, "AC01")], reason="NARR"))
    assert made.reasons() == {ONE: "AC04", TWO: "AC01"}


@pytest.mark.parametrize("group", ["RJCT", "CANC"])
@pytest.mark.parametrize("of_line", ["PDNG", "ACTC", "ACCP", "ACSP", "RJCT DUPL"])
@pytest.mark.parametrize("level", ["group", "batch"])
def test_what_is_refused_or_cancelled_as_a_whole_while_a_part_goes_on_refuses_nobody(
    group: str, of_line: str, level: str
) -> None:
    status, _, reason = of_line.partition(" ")
    levels = (group, "") if level == "group" else ("", group)
    made = after(report(*levels, [Status(ONE, "X", status, reason)]))
    assert not {"REJECTED", "CANCELLED"} & set(made.states().values()) and made.looked_at()


@pytest.mark.parametrize("status", ["RJCT", "CANC"])
def test_a_refusal_of_fewer_lines_than_the_file_has_refuses_nobody(status: str) -> None:
    for level, text in (("group", report(status)), ("batch", report("", status))):
        ends = "<GrpSts>" if level == "group" else "<PmtInfSts>"
        for count, state in ((1, "SUBMITTED"), (2, {"RJCT": "REJECTED", "CANC": "CANCELLED"}[status])):
            made = after(text.replace(ends, f"<OrgnlNbOfTxs>{count}</OrgnlNbOfTxs>{ends}"))
            assert set(made.states().values()) == {state}, (level, count)
            assert bool(made.looked_at()) == (count == 1)


@pytest.mark.parametrize(("name", "ours"), [
    ("pain.001.001.09", True), ("pain.001", True), ("PAIN001", True), ("", True), ("our own", True),
    ("camt.055.001.08", False), ("camt.055", False), ("pain.008.001.02", False), ("pacs.008.001.08", False),
])  # fmt: skip
def test_a_report_about_another_message_than_a_payment_file_refuses_nobody(name: str, ours: bool) -> None:
    """The refusal of our request to cancel quotes the file that was to be cancelled."""
    for text in (report("RJCT", reason="AM04"), report("", "RJCT"), report("", "", [rejected(ONE), rejected(TWO)])):
        made = after(text.replace("pain.001.001.09", name))
        assert set(made.states().values()) == {"REJECTED" if ours else "SUBMITTED"}
        assert bool(made.looked_at()) == (not ours)


def test_an_entry_of_the_whole_file_whose_details_name_nobody_is_the_files() -> None:
    text = statement(batch_of(*BOTH, details=True, reference="B-1"))
    for key in BOTH:
        text = text.replace(f"<EndToEndId>{key}</EndToEndId>", "<EndToEndId>NOTPROVIDED</EndToEndId>")
    assert ONE not in text and states(text) == ("PAID", "PAID")
    assert states(text.replace("<NbOfTxs>2<", "<NbOfTxs>3<")) == ("SUBMITTED", "SUBMITTED")


def test_a_report_that_contradicts_itself_refuses_nobody_else() -> None:
    made = after(report("RJCT", "", [Status(ONE, "X", "ACSP")]))
    assert made.states() == {ONE: "ACCEPTED", TWO: "SUBMITTED"} and made.looked_at()


def test_the_unlisted_go_on_only_if_the_counts_close_or_the_bank_says_so() -> None:
    plain = report("PART", "PART", [rejected()])
    assert states(plain, unlisted_means_accepted=True) == ("ACCEPTED", "REJECTED")
    counts = "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>{n}</DtldNbOfTxs><DtldSts>{code}</DtldSts></NbOfTxsPerSts>"
        for code, n in (("ACSP", 1), ("RJCT", 1))
    )
    counted = plain.replace("</OrgnlGrpInfAndSts>", f"{counts}</OrgnlGrpInfAndSts>")
    assert states(counted) == ("ACCEPTED", "REJECTED")
    assert states(counted.replace(">1<", ">2<")) == ("SUBMITTED", "REJECTED")


@pytest.mark.parametrize("code", sorted(code for code, kind in codes.table("status_reasons").items()
                                        if kind == "duplicate"))  # fmt: skip
def test_a_duplicate_is_an_earlier_copy_that_is_alive(code: str) -> None:
    for body in (report("RJCT", reason=code), report("PART", "PART", [rejected(TWO, code)])):
        made = after(body)
        assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


@pytest.mark.parametrize("status", [rejected(TWO, "X-99", own=True), rejected(TWO, "ZZ99"), rejected(TWO, "AB05")])
def test_a_refusal_for_a_reason_in_no_list_or_without_proof_refuses_nobody(status: Status) -> None:
    made = after(report("PART", "PART", [status]))
    assert made.states()[TWO] == "SUBMITTED" and made.looked_at()


def test_a_banks_own_reason_counts_as_its_profile_says() -> None:
    body = report("PART", "PART", [rejected(TWO, "9001", own=True)])
    assert after(body, reasons={"9001": "AC01"}).states()[TWO] == "REJECTED"
    assert after(body, reasons={"9001": "DUPL"}).states()[TWO] == "SUBMITTED"


def test_every_code_of_the_lists_has_a_meaning() -> None:
    kinds = {*codes.ADVICE, "duplicate", "unproven"}
    assert set(codes.table("status_reasons").values()) == kinds and len(codes.table("status_reasons")) > 300
    assert len(codes.table("return_reasons")) > 100


@pytest.mark.parametrize(("reason", "known"), [("AC04", True), ("", True), ("XX99", False)])
def test_money_that_came_back_is_back_whatever_the_reason_and_a_strange_one_is_named(reason: str, known: bool) -> None:
    said = fact(Word("line", "returned", 1, reference="B-1", amount="100.00", currency="GMD", reason=reason), profile())
    assert said is not None and isinstance(said.verdict, Returned)
    assert ("in no list" in said.verdict.reason) is not known


def test_what_is_said_of_a_whole_file_reaches_the_core_with_its_entry_its_count_and_how_far_it_is() -> None:
    """By these the core tells a second booking from a second report of one, and one line from all of them."""
    msg_id = profile().file.prefix + short_id("a file")

    def facts(body: str) -> list[tuple[str, bool, str, int | None, bool]]:
        made = [fact(word, profile()) for word in read(body).words()]
        return [(type(x.verdict).__name__, bool(x.document), x.entry, x.lines, x.executing) for x in made if x]

    entry = attrs.evolve(batch_of(ONE, TWO, reference="E-1"), msg_id=msg_id, pmt_inf="")
    assert facts(statement(entry)) == [("Done", True, "E-1", 2, False)]
    assert facts(report("ACSP", msg_id=msg_id)) == [("Waiting", True, "", None, True)]
    assert facts(report("ACCP", msg_id=msg_id)) == [("Waiting", True, "", None, False)]
    assert facts(report("RJCT", reason="AM04", msg_id=msg_id)) == [("Refused", True, "", None, False)]
    unnamed = report("PART", lines=[Status("NOTPROVIDED", "", "RJCT", "AC04")], msg_id=msg_id)
    assert facts(unnamed.replace("DEMO-1-001", f"{msg_id}-1")) == [("Refused", True, "", 1, False)]


def test_a_file_that_was_carried_out_is_not_refused_as_a_whole() -> None:
    for first in (statement(booking(ONE)), report("ACSP")):
        made = after(first, report("RJCT", reason="AM04"))
        assert "REJECTED" not in made.states().values() and made.looked_at()
    assert states(report("ACCP"), report("RJCT", reason="AM04")) == ("REJECTED", "REJECTED")


def test_a_report_about_another_file_changes_nothing_and_people_look() -> None:
    made = after(report("RJCT", msg_id="OTHER-9"))
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at() and made.unmatched


# -- statements -------------------------------------------------------------------------------------------------------


def test_only_what_is_booked_is_paid() -> None:
    body = statement(booking(ONE))
    assert states(body) == ("PAID", "SUBMITTED")
    assert states(body.replace(">BOOK<", ">PDNG<")) == ("SUBMITTED", "SUBMITTED")
    intraday = body.replace("BkToCstmrStmt", "BkToCstmrAcctRpt").replace("Stmt>", "Rpt>").replace("053", "052")
    assert states(intraday) == ("SUBMITTED", "SUBMITTED")
    assert states(intraday, intraday_is_final=True) == ("PAID", "SUBMITTED")


@pytest.mark.parametrize(("status", "rules"), [("ACSC", {"acsc_is_final": True}), ("ACCC", {"accc_is_final": True})])
def test_a_report_pays_only_where_the_profile_says_so(status: str, rules: dict[str, bool]) -> None:
    assert states(report(status), **rules) == ("PAID", "PAID")


def test_a_return_is_told_by_its_direction_not_by_the_mark_of_a_reversal() -> None:
    body = statement(booking(ONE), booking(ONE, back="AC04"))
    marked = body.replace("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    for text in (body, marked):
        made = after(text)
        assert made.states()[ONE] == "RETURNED" and made.reasons() == {ONE: "AC04"}


def test_another_amount_pays_nobody() -> None:
    body = statement(booking(ONE)).replace(">100.00<", ">99.00<")
    made = after(body.replace("9999900.00", "9999901.00"))
    assert made.states()[ONE] == "SUBMITTED" and made.looked_at()


def test_a_second_debit_leaves_it_paid_and_people_look() -> None:
    made = after(statement(booking(ONE), booking(ONE, reference="B-2")))
    assert made.states()[ONE] == "PAID" and (ONE, "booked twice") in made.looked_at()
    bare = statement(booking(ONE), booking(ONE)).replace("<AcctSvcrRef>B-DEMO-000001</AcctSvcrRef>", "")
    assert (ONE, "booked twice") in after(bare).looked_at()


def test_the_same_entry_in_several_messages_is_one() -> None:
    made = after(statement(booking(ONE), kind="camt.054"), statement(booking(ONE)), statement(booking(ONE), number=2))
    assert made.states()[ONE] == "PAID" and not made.looked_at()


@pytest.mark.parametrize("details", [True, False])
def test_one_booking_of_the_whole_file_pays_all_of_it(details: bool) -> None:
    assert states(statement(batch_of(*BOTH, details=details))) == ("PAID", "PAID")


@pytest.mark.parametrize("entry", [batch_of(ONE), batch_of(TWO), batch_of(*BOTH, minor=30_000)])
def test_a_booking_that_is_not_the_whole_file_pays_nobody_without_details(entry: object) -> None:
    made = after(statement(entry))  # type: ignore[arg-type]
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


def test_details_that_do_not_add_up_pay_nobody() -> None:
    made = after(statement(batch_of(*BOTH, details=True, minor=40_000)))
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


def test_returns_correct_single_lines_of_a_batch() -> None:
    assert states(statement(batch_of(*BOTH), booking(TWO, back="AC01"))) == ("PAID", "RETURNED")


def test_a_statement_that_does_not_balance_says_nothing() -> None:
    body = statement(booking(ONE)).replace("9999900.00", "9999800.00")
    staged, made = read(body), after(body)
    assert [one.balanced for one in staged.statements] == [False]
    assert made.states()[ONE] == "SUBMITTED" and made.looked_at()


def test_another_account_pays_nobody_of_ours() -> None:
    for body in (statement(booking(ONE), account="0099999999"), mt940(booking(ONE), account="0099999999")):
        made = after(body)
        assert made.states()[ONE] == "SUBMITTED" and made.unmatched


def test_two_accounts_in_one_mt940_are_two() -> None:
    ours, theirs = mt940(booking(ONE), number=7), mt940(booking(TWO), account="0099999999", number=8)
    for body in (ours + theirs, theirs + ours):
        assert states(body) == ("PAID", "SUBMITTED")


def test_a_reversal_in_an_mt940_goes_the_other_way() -> None:
    back = mt940(booking(ONE), booking(ONE, back="AC01"))
    assert states(back)[0] == states(back.replace("C100,00", "RD100,00"))[0] == "RETURNED"
    made = after(mt940(booking(ONE)).replace("D100,00", "RC100,00"))
    assert made.states()[ONE] == "SUBMITTED" and made.looked_at()


LADDER = {
    "the end-to-end id": f"<EndToEndId>{ONE}</EndToEndId>",
    "the UETR": f"<EndToEndId>NOTPROVIDED</EndToEndId><UETR>{UETRS[ONE]}</UETR>",
    "the instruction's id": "<InstrId>I-1</InstrId><EndToEndId>NONREF</EndToEndId>",
}


@pytest.mark.parametrize("refs", LADDER.values(), ids=LADDER)
def test_a_line_is_found_by_each_rung(refs: str) -> None:
    body = statement(booking(ONE)).replace(LADDER["the end-to-end id"], refs)
    assert states(body) == ("PAID", "SUBMITTED")


def test_a_line_is_found_by_what_stands_in_its_text_as_a_whole_word() -> None:
    body = statement(booking(ONE)).replace(LADDER["the end-to-end id"], "")
    for text, state in ((f"grant {ONE}, thanks", "PAID"), (f"{ONE}9", "SUBMITTED"), (f"{ONE} {TWO}", "SUBMITTED")):
        said = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
        assert after(body.replace("</TxDtls>", said)).states()[ONE] == state


def test_ids_of_two_lines_name_none() -> None:
    both = f"<InstrId>I-2</InstrId><EndToEndId>{ONE}</EndToEndId>"
    made = after(statement(booking(ONE)).replace(LADDER["the end-to-end id"], both))
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


def test_strangers_and_fees_stay_unmatched_and_nobody_needs_to_look() -> None:
    body = statement(booking(ONE)).replace(LADDER["the end-to-end id"], "<EndToEndId>RENT-NOV</EndToEndId>")
    made = after(body)
    assert made.states()[ONE] == "SUBMITTED" and len(made.unmatched) == 1 and not made.looked_at()


ROWS = (
    "Date;Ref;Amount\r\n30/11/2026;DEMO-000001;-100,00\r\n30/11/2026;DEMO-000002;-{two}\r\n30/11/2026;fee;-1.234,50\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_is_read_by_its_mapping(encoding: str) -> None:
    body = ROWS.format(two="250,00").encode(encoding)
    assert states(body) == ("PAID", "PAID")
    assert states(body.replace(b"-100,00", b"100,00"))[0] == "RETURNED"


@pytest.mark.parametrize("two", ["2x0", "250,001", ";", "", '"250'])
def test_one_row_that_cannot_be_read_refuses_the_file(two: str) -> None:
    with pytest.raises(Refused):
        read(ROWS.format(two=two))


@pytest.mark.parametrize(("reason", "says"), [
    ("AC04", "rejected"), ("closed account", "rejected"), ("", "rejected"), ("DUPL", "duplicate"),
    ("AB01", "review"), ("compte bizarre", "review"),
])  # fmt: skip
def test_a_csv_refuses_somebody_only_for_a_reason_that_is_in_a_list(reason: str, says: str) -> None:
    columns = attrs.evolve(MAPPING, status="Statut", reason="Motif", statuses={"REJETE": "rejected"})
    bank = attrs.evolve(profile(reasons={"closed account": "AC04"}), csv=columns)
    body = f"Date;Ref;Amount;Statut;Motif\r\n30/11/2026;{ONE};-100,00;REJETE;{reason}\r\n"
    rows = Rows(bank, Ours(Where(number=ACCOUNT), ("GMD",)), columns)
    (word,) = [one for one in rows.words(io.BytesIO(body.encode())) if isinstance(one, Word)]
    assert word.says == says, word.why


def numbered(*rows: str) -> list[tuple[str, str]]:
    rows_of = Rows(profile(), Ours(Where(number=ACCOUNT), ("GMD",)), MAPPING)
    body = "Date;Ref;Amount\r\n" + "".join(f"{row}\r\n" for row in rows)
    return [(word.says, word.reference) for word in rows_of.words(io.BytesIO(body.encode())) if isinstance(word, Word)]


def test_two_debits_of_one_payment_in_a_csv_without_references_are_two() -> None:
    once, back = f"30/11/2026;{ONE};-100,00", f"30/11/2026;{ONE};100,00"
    first, second = ("booked", "30/11/2026 no. 1"), ("booked", "30/11/2026 no. 2")
    assert numbered(once, once, back) == [first, second, ("returned", "30/11/2026 no. 1")]
    assert numbered(once, f"01/12/2026;{ONE};-100,00") == [first, ("booked", "01/12/2026 no. 1")]
    assert numbered(once) == [first], "the same statement again says the same"
    assert numbered("30/11/2026;;-100,00") == [("booked", "")]


# -- order ------------------------------------------------------------------------------------------------------------

FILES = {
    "received": report("ACTC"), "accepted": report("ACSP"), "part": report("PART", "PART", [rejected()]),
    "refused": report("RJCT", reason="AM04"), "duplicate": report("RJCT", reason="DUPL"),
    "debit": statement(booking(ONE)), "advice": statement(booking(ONE), kind="camt.054"),
    "batch": statement(batch_of(*BOTH)), "return": statement(booking(ONE, back="AC04"), number=2),
    "again": statement(booking(ONE, reference="B-9"), number=3), "mt940": mt940(booking(TWO)),
    "foreign": statement(booking(ONE), account="1"),
}  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=5, unique=True), st.randoms())
def test_files_in_any_order_each_twice_give_the_same_picture(names: list[str], chance: random.Random) -> None:
    def picture(order: list[str]) -> object:
        made = after(*(FILES[name] for name in order))
        return made.states(), made.reasons(), made.looked_at()

    wanted = picture(names)
    twice = names * 2
    chance.shuffle(twice)
    assert picture(twice) == wanted


def test_a_file_that_comes_again_says_nothing_new() -> None:
    made = book()
    for body in itertools.chain(FILES.values(), FILES.values()):
        made.apply(read(body).words())
    assert all(made.apply(read(body).words()) == 0 for body in FILES.values())
    assert set(made.states()) == {item["end_to_end_id"] for item in BATCH["items"]}  # type: ignore[index]
