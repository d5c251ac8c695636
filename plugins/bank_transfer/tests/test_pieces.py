"""Days, ids, texts, profiles: each by its own law."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time

import pytest
from gateway_bank_transfer import keys, texts
from gateway_bank_transfer.calendar import Calendar
from gateway_bank_transfer.profile import examples, load, read
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.contract import Unfit
from gateway_core.model.short import short_id

DAY = Calendar("Africa/Kampala", time(11, 30), frozenset({5, 6}), frozenset({date(2026, 12, 25)}))


@pytest.mark.parametrize(("at", "day"), [
    ("2026-11-25T08:00", "2026-11-25"), ("2026-11-25T08:31", "2026-11-26"), ("2026-11-27T12:00", "2026-11-30"),
    ("2026-11-28T05:00", "2026-11-30"), ("2026-12-24T12:00", "2026-12-28"), ("2026-11-25T21:30", "2026-11-26"),
])  # fmt: skip
def test_a_file_is_carried_out_on_the_next_day_on_which_the_bank_works(at: str, day: str) -> None:
    assert DAY.execution(datetime.fromisoformat(at).replace(tzinfo=UTC)) == date.fromisoformat(day)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))  # noqa: DTZ001
def test_never_in_the_past_and_never_on_a_day_of_rest(at: datetime) -> None:
    day = DAY.execution(at.replace(tzinfo=UTC))
    assert DAY.works(day) and day >= at.date()


@given(st.integers())
def test_a_uetr_is_as_the_schemas_want_it_and_gives_the_key_back(n: int) -> None:
    key = short_id(n)
    text = keys.uetr_of(key)
    made = uuid.UUID(text)
    assert str(made) == text and (made.version, made.variant) == (4, uuid.RFC_4122)
    assert keys.of_uetr(text) == key and keys.of_uetr(text.upper()) == key


@given(st.uuids(version=4))
def test_anybody_elses_uetr_is_none_of_ours(other: uuid.UUID) -> None:
    assert keys.of_uetr(str(other)) == ""


def test_a_files_name_is_known_by_its_msg_id_or_by_its_batch() -> None:
    msg_id = "GC" + short_id("a")
    assert keys.msg_id_of(msg_id, "", "GC") == keys.msg_id_of("", keys.pmt_inf_id(msg_id), "GC") == msg_id
    assert keys.msg_id_of(msg_id, keys.pmt_inf_id(msg_id), "GC") == msg_id
    assert not keys.msg_id_of(msg_id, "another-1", "GC")
    assert not keys.msg_id_of("MSG-0001", "", "GC")


def test_ids_are_found_in_a_text_only_as_whole_words() -> None:
    one, other = short_id(1), short_id(2)
    assert keys.in_text(f"ref {one}/{other}.") == {one, other}
    assert not keys.in_text(f"X{one} {one}9 {one[:-1]}{'0' if one[-1] != '0' else '1'}")


@pytest.mark.parametrize(("text", "charset", "sent"), [
    ("Touré–N'Diaye", "swift_x", "Toure-N'Diaye"), ("  a \t b ", "swift_x", "a b"), ("a&b <c>", "swift_x", "a b c"),
    ("a&b <c>", "basic_latin", "a&b <c>"), ("\x00\ud800x", "unicode", "x"), ("Ünal", "unicode", "Ünal"),
])  # fmt: skip
def test_a_text_is_sent_in_the_banks_characters(text: str, charset: str, sent: str) -> None:
    assert texts.sent(text, charset, 70) == sent


@given(st.text(), st.sampled_from(texts.CHARSETS), st.integers(1, 70))
def test_what_is_sent_is_short_enough_and_stays_as_it_is(text: str, charset: str, longest: int) -> None:
    once = texts.sent(text, charset, longest)
    assert len(once) <= longest and texts.sent(once, charset, longest) == once


@pytest.mark.parametrize("name", examples())
def test_the_examples_are_good_and_have_a_digest(name: str) -> None:
    assert len(load(name).sha256) == 64


def test_everything_that_is_wrong_with_a_profile_is_told_at_once() -> None:
    body = b"""
    name = "x"
    colour = 1
    [file]
    lines = 0
    speed = 3
    [payment]
    currencies = ["EURO"]
    [answers]
    formats = ["fax"]
    """
    with pytest.raises(Unfit) as raised:
        read(body, "mine")
    said = str(raised.value)
    wrong = ("colour", "file.lines", "file.speed", "payment.currencies", "answers.formats", "accounts: this section")
    assert all(what in said for what in wrong)


@pytest.mark.parametrize(("old", "new", "what"), [
    ("uetr = false", "uetr = true", "payment.uetr"), ('kinds = ["iban"]', 'kinds = ["msisdn"]', "accounts.kinds"),
    ("Europe/Berlin", "Europe/Nowhere", "timezone"), ("{cycle}", "{name}", "remittance"),
    ('formats = ["pain.002"', 'formats = ["csv"', "csv"),
])  # fmt: skip
def test_keys_that_do_not_go_together_are_refused(old: str, new: str, what: str) -> None:
    from importlib.resources import files

    body = (files("gateway_bank_transfer") / "profiles" / "sepa_like.toml").read_text().replace("001.09", "001.03")
    assert old in body
    with pytest.raises(Unfit, match=what):
        read(body.replace(old, new).encode(), "mine")
