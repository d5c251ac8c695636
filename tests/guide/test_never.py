"""Every law of the kit has its story, and every story its law."""

from __future__ import annotations

import re

from gateway_core.testing.contract import BatchContract, GatewayContract, laws_of

from .showing import page

PAGE = page("plugin-never.md")
STORIES = dict(re.findall(r"^### (Never [^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
LAWS = {**laws_of(GatewayContract), **laws_of(BatchContract)}
NAMED = re.findall(r"`(test_\w+)`", PAGE)


def test_every_law_has_a_story_and_is_named_once() -> None:
    assert sorted(NAMED) == sorted(LAWS)


def test_every_story_is_one_and_names_the_law_that_catches_it() -> None:
    assert len(STORIES) >= 25
    for title, text in STORIES.items():
        assert re.search(r"^\*.{60,}?\*", text.strip(), re.DOTALL), f"{title}: where is the story?"
        assert "Caught by `test_" in " ".join(text.split()), title
