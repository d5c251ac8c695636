"""Files as they come: without their head, with odd numbers, with levels and ids that do not agree."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from gateway_bank_transfer import samples
from gateway_bank_transfer.facts import fact
from gateway_bank_transfer.reading import safe
from gateway_bank_transfer.reading.safe import Refused
from gateway_bank_transfer.simulator.answers import Booking, Status
from gateway_bank_transfer.words import Word

from gateway_core.contract import Done, Unknown
from gateway_core.model.short import short_id

from .saying import AMOUNTS, BATCH, ONE, TWO, UETRS, after, batch_of, booking, mt940, profile, read, rejected, report
from .saying import statement as said

BOTH = (ONE, TWO)
HEAD = re.compile("<GrpHdr>.*?</GrpHdr>", re.DOTALL)
HUGE = "9" * 5000


@pytest.mark.parametrize("text", [said(booking(ONE)), report("RJCT", reason="AM04")], ids=["camt.053", "pain.002"])
def test_a_message_without_its_head_is_read_as_it_stands(text: str) -> None:
    """Excerpts that banks publish, and send, have none; one that comes last is no other message."""
    head = HEAD.search(text)
    assert head is not None
    bare = HEAD.sub("", text)
    end = max(bare.rfind("</BkToCstmrStmt>"), bare.rfind("</CstmrPmtStsRpt>"))
    for changed in (bare, bare[:end] + head[0] + bare[end:]):
        assert after(changed).states() == after(text).states() != after().states()


@pytest.mark.parametrize("text", [
    said(batch_of(*BOTH)).replace("<NbOfTxs>2<", f"<NbOfTxs>{HUGE}<"),
    report("RJCT").replace("<GrpSts>", f"<OrgnlNbOfTxs>{HUGE}</OrgnlNbOfTxs><GrpSts>"),
    report("PART", "", [rejected()]).replace("</GrpSts>", "</GrpSts><NbOfTxsPerSts><DtldNbOfTxs>"
        f"{HUGE}</DtldNbOfTxs><DtldSts>ACCP</DtldSts></NbOfTxsPerSts>"),
], ids=["batch", "report", "counts"])  # fmt: skip
def test_a_number_that_has_no_end_is_none(text: str) -> None:
    assert HUGE in text and after(text).states()[ONE] != "PAID"


@pytest.mark.parametrize(("total", "paid"), [
    ("<TtlAmt Ccy='GMD'>350.00</TtlAmt>", True), ("", True), ("<TtlAmt Ccy='GMD'>349.00</TtlAmt>", False),
    ("<TtlAmt Ccy='USD'>350.00</TtlAmt>", False),
])  # fmt: skip
def test_what_was_booked_is_the_entrys_amount_whatever_its_batch_says(total: str, paid: bool) -> None:
    text = said(batch_of(*BOTH)).replace("<NbOfTxs>2</NbOfTxs>", f"<NbOfTxs>2</NbOfTxs>{total}")
    assert total in text
    made = after(text)
    assert set(made.states().values()) == {"PAID" if paid else "SUBMITTED"} and bool(made.looked_at()) != paid


def test_a_batch_of_our_sum_in_an_entry_of_another_amount_pays_nobody() -> None:
    total = "<NbOfTxs>2</NbOfTxs><TtlAmt Ccy='GMD'>350.00</TtlAmt>"
    made = after(said(batch_of(*BOTH, minor=50_000)).replace("<NbOfTxs>2</NbOfTxs>", total))
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


def test_an_entry_of_two_batches_is_their_sum() -> None:
    """Another file's and ours: ours is the amount that it says of itself, and the two are the entry."""
    two = said(batch_of(*BOTH, minor=45_000))
    ours = (
        "<NtryDtls><Btch><MsgId>DEMO-1</MsgId><PmtInfId>DEMO-1-001</PmtInfId><NbOfTxs>2</NbOfTxs>{}</Btch></NtryDtls>"
    )
    other = "<NtryDtls><Btch><MsgId>X</MsgId><NbOfTxs>1</NbOfTxs><TtlAmt Ccy='GMD'>{}</TtlAmt></Btch></NtryDtls>"
    whole = "<TtlAmt Ccy='GMD'>350.00</TtlAmt>"
    for parts, state in (
        (ours.format(whole) + other.format("100.00"), "PAID"),
        (ours.format(whole) + other.format("99.00"), "SUBMITTED"),
        (ours.format("") + other.format("100.00"), "SUBMITTED"),
    ):
        text = re.sub("<NtryDtls>.*?</NtryDtls>", parts, two, flags=re.DOTALL)
        assert set(after(text).states().values()) == {state}, parts


@pytest.mark.parametrize(("msg_id", "scopes"), [(short_id("a", "file"), {"batch"}), ("SOMEBODY", {"line"})])
def test_details_that_have_a_text_alone_are_their_files_where_that_is_ours(msg_id: str, scopes: set[str]) -> None:
    text = said(batch_of(*BOTH, details=True, reference="B-1")).replace("DEMO-1-001", f"{msg_id}-1")
    for key in BOTH:
        text = text.replace(f"<EndToEndId>{key}</EndToEndId>", "<EndToEndId>NOTPROVIDED</EndToEndId>")
    text = text.replace(">DEMO-1<", f">{msg_id}<").replace("</Refs>", "</Refs><RmtInf><Ustrd>grant</Ustrd></RmtInf>")
    assert {word.scope for word in read(text).words()} == scopes


@pytest.mark.parametrize(("group", "batch", "line", "state"), [
    ("ACSP", "", "PDNG", "PENDING_AT_BANK"), ("ACSP", "PDNG", "", "PENDING_AT_BANK"),
    ("", "ACCP", "ACTC", "SUBMITTED"), ("ACSP", "", "ODDS", "SUBMITTED"), ("ACSP", "", "RJCT DU04", "SUBMITTED"),
    ("ACSP", "RJCT", "", "REJECTED"), ("ACSP", "", "RJCT AC04", "REJECTED"), ("ACSP", "ACCP", "", "ACCEPTED"),
])  # fmt: skip
def test_the_deeper_level_of_a_report_counts_whatever_it_says(group: str, batch: str, line: str, state: str) -> None:
    status, _, reason = line.partition(" ")
    made = after(report(group, batch, [Status(ONE, "X", status, reason)] if line else []))
    assert made.states()[ONE] == state
    if (group, batch) != ("ACSP", "RJCT"):
        made.apply(read(report("ACSP")).words())
        assert made.states()[ONE] == ("REJECTED" if state == "REJECTED" else "ACCEPTED"), "another report, another word"


@pytest.mark.parametrize(("group", "looked_at"), [("ACSP", True), ("ACSC", True), ("ACTC", False), ("RJCT", False)])
def test_a_refused_part_of_a_whole_that_is_carried_out_is_for_people_too(group: str, looked_at: bool) -> None:
    made = after(report(group, "RJCT"))
    assert set(made.states().values()) == {"REJECTED"} and bool(made.looked_at()) == looked_at


def test_a_report_about_another_file_says_nothing_of_our_line() -> None:
    made = after(report("", "", [rejected(ONE)], msg_id="OTHER-77"))
    assert made.states()[ONE] == "SUBMITTED" and made.looked_at()
    key, bank = short_id("a", "line"), profile()
    for msg_id, believed in (("OTHER-77", False), (short_id("a", "file"), True), ("", True)):
        found = fact(Word("line", "booked", e2e=key, msg_id=msg_id, amount="1.00", currency="GMD"), bank)
        assert found is not None and found.key == key
        assert isinstance(found.verdict, Done if believed else Unknown), msg_id
    on_statement = fact(Word("line", "booked", 1, e2e=key, msg_id="OTHER-77", amount="1.00", currency="GMD"), bank)
    assert on_statement is not None and isinstance(on_statement.verdict, Done), (
        "a bank may have a MsgId of its own there"
    )


@pytest.mark.parametrize(("sums", "others"), [
    (("100.00", "250.00"), "ACCEPTED"), (("100.00", "240.00"), "SUBMITTED"), (("100.00", ""), "ACCEPTED"),
])  # fmt: skip
def test_counts_that_close_say_something_of_the_rest_only_if_their_sums_do(sums: tuple[str, str], others: str) -> None:
    counts = "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>1</DtldNbOfTxs><DtldSts>{status}</DtldSts>"
        + (f"<DtldCtrlSum>{total}</DtldCtrlSum>" if total else "") + "</NbOfTxsPerSts>"
        for status, total in zip(("ACCP", "RJCT"), sums, strict=True)
    )  # fmt: skip
    made = after(report("PART", "", [rejected(TWO)]).replace("</GrpSts>", f"</GrpSts>{counts}"))
    assert made.states() == {ONE: others, TWO: "REJECTED"}


def test_a_line_of_a_text_may_begin_with_a_dash_or_a_bracket() -> None:
    text = mt940(booking(ONE))
    for cut in (f"/EREF/{ONE[:4]}\n{ONE[4:]}", f"/EREF/{ONE}/\n{{x"):
        changed = re.sub(":86:.*", f":86:{cut}", text)
        changed = re.sub(r"(:61:[^\n]*?[NF][A-Z]{3})[^\n]*", r"\1NONREF", changed)
        assert after(changed).states()[ONE] == "PAID", changed


def test_an_entry_that_the_standard_does_not_know_is_not_read_as_something_else() -> None:
    text = mt940(booking(ONE))
    odd = re.sub(r"(:61:\d+[CD]R?)(\d+),(\d*)", r"\1\2.\3", text)
    assert odd != text
    with pytest.raises(Refused, match="an entry that is none"):
        read(odd)


def test_one_end_to_end_id_counts_before_a_uetr_and_an_unknown_uetr_hides_nothing() -> None:
    text = said(booking(*BOTH))
    uetr = f"<UETR>{UETRS[TWO]}</UETR>"
    twice = text.replace("</EndToEndId>", f"</EndToEndId>{uetr}")
    assert set(after(twice).states().values()) == {"PAID"}
    strange = said(batch_of(ONE, details=True)).replace(ONE, "NOTPROVIDED", 1)
    assert "<EndToEndId>" in strange
    word = Word("line", "booked", 1, uetr="0b3f3c1e-5a0d-4a6e-9a63-00000000ffff", text=f"grant {ONE} november",
                amount="100.00", currency="GMD")  # fmt: skip
    made = after()
    made.apply([word])
    assert made.states()[ONE] == "PAID"


@pytest.mark.parametrize("word", [
    Word("line", "booked", 1, e2e="DEMO-1", amount="350.00", currency="GMD"),
    Word("line", "booked", 1, msg_id="DEMO-1", amount="350.00", currency="GMD"),
    Word("line", "booked", 1, e2e="THEIR-OWN", text=f"grant {ONE}", amount="100.00", currency="GMD"),
], ids=["our MsgId as its one reference", "our MsgId", "their id, and ours in the text"])  # fmt: skip
def test_what_is_ours_and_names_no_line_is_for_people(word: Word) -> None:
    made = after()
    made.apply([word])
    assert set(made.states().values()) == {"SUBMITTED"} and made.looked_at()


def test_the_reference_that_a_report_taught_is_found_in_a_detail_of_an_entry() -> None:
    made = after()
    made.apply([Word("line", "accepted", e2e=ONE, reference="BK-9")])
    text = said(Booking("E-1", AMOUNTS[ONE], "GMD", [(ONE, AMOUNTS[ONE])]))
    text = text.replace(f"<EndToEndId>{ONE}</EndToEndId>", "<AcctSvcrRef>BK-9</AcctSvcrRef>")
    made.apply(read(text).words())
    assert made.states()[ONE] == "PAID"


def test_a_gzip_that_is_made_to_tire_us_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe, "SMALL", 1 << 16)
    text = said(booking(ONE))
    assert set(after(gzip.compress(text.encode())).states().values()) == {"PAID", "SUBMITTED"}
    bomb = text.replace("<Stmt>", "<Stmt>" + "<Ntry/>" * 200_000)
    with pytest.raises(Refused, match="packed more than 200 times"):
        read(gzip.compress(bomb.encode(), 9))


def test_one_file_that_cannot_be_compared_does_not_keep_the_others_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x-batch.json").write_text(json.dumps(BATCH))
    for name, effects in (("a.xml", "{"), ("b.xml", '{"states": {}, "after": ["gone.xml"]}'), ("c.xml", "{}")):
        (tmp_path / name).write_text(said(booking(ONE)))
        (tmp_path / f"{name}.effects.json").write_text(effects)
    assert samples.main(tmp_path) == 2
    out = capsys.readouterr().out
    assert out.count("cannot be compared") == 2 and "agrees  effects  c.xml" in out
