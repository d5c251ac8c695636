"""Which laws come before others: what a broken one spoils is not judged, so that each fault is told once."""

from __future__ import annotations

SHAPED = ("test_hooks_give_what_they_promise",)
UNPLANNED = ("test_ids_come_from_the_context", "test_time_comes_from_the_context", "test_a_hook_reaches_for_nothing")
PURE = (
    *SHAPED, "test_reading_never_raises", "test_two_runs_ask_the_same", "test_one_ask_moves_money",
    "test_a_refusal_ends_the_flow",
)  # fmt: skip
READING = (
    "test_not_found_is_not_refused", "test_a_duplicate_is_not_refused", "test_garbage_says_nothing",
    "test_an_error_of_the_server_says_nothing", "test_a_refusal_has_a_listed_code", "test_accepted_is_not_paid",
    "test_a_question_turned_away_says_nothing",
)  # fmt: skip
PAYS = "test_it_pays_exactly_what_was_approved"
FINDS_OUT = "test_it_finds_out"
ONCE = "test_a_repeated_key_pays_once"
SILENCE = "test_silence_is_never_refused"
UNFORGED = "test_a_forged_callback_is_not_believed"
