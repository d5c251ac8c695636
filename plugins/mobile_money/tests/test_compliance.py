"""The GSMA's compliance cases, played; and that the player finds what is wrong with one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gateway_mobile_money.compliance import rules, twig
from gateway_mobile_money.compliance.playing import play

from .openapi import FOLDER

CASES = FOLDER / "compliance-testcases"
FILES = sorted(file for file in CASES.rglob("*") if file.suffix in (".yml", ".yaml"))
beside = pytest.mark.skipif(not CASES.is_dir(), reason="the compliance cases are not beside this repository")
POLLING = CASES / "Disbursements" / "Indivudual Disbursement - polling - success.yaml"
CALLBACK = CASES / "Disbursements" / "Indivudual Disbursement - callback - success.yaml"
FAILURE = CASES / "Disbursements" / "Indivudual Disbursement - callback - failure.yaml"
MISSING = CASES / "General" / "Retrieve a missing API response - success.yml"


@beside
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_case_passes(file: Path) -> None:
    assert play(file).faults == ()


@beside
def test_what_the_plugin_can_ask_for_it_asks_for_itself() -> None:
    assert [play(file).asked for file in (POLLING, CALLBACK, FAILURE, MISSING)] == [3, 1, 1, 2]


# (the case, what is changed in it, what is said)
WRONG = [
    (CALLBACK, "'required|in:202'", "'required|in:200'", "its answer: Transaction was successfully accepted"),
    (CALLBACK, "/^50(", "/^51(", "our request: Amount is specified correctly"),
    (CALLBACK, "in:204'", "in:200'", "our answer: Transaction was successfully Accepted: status is '204'"),
    (CALLBACK, "      status: 204", "      status: 200", "our answer: status is 204"),
    (CALLBACK, "in:disbursement", "in:merchantpay", "body.type is 'disbursement'"),
    (FAILURE, "in:businessRule", "in:validation", "body.errorCategory is 'businessRule'"),
    (FAILURE, "headers[\"X-Callback-URL\"]", "headers[\"X-Other\"]", "no address of ours"),
    (POLLING, "        status: 'completed'\n        obj", "        status: 'pending'\n        obj", "is 'pending'"),
    (POLLING, "\"completed\",", "\"rejected\",", "body.transactionStatus is 'rejected'"),
    (POLLING, "/requeststates/{{", "/states/{{", "is not its path"),
    (MISSING, "in:200", "in:404", "status is '200'"),
    (MISSING, "uuidv4()", "uuidv9()", "function 'uuidv9' is not known here"),
    (MISSING, "test_steps", "steps", "no test_steps"),
    (MISSING, "name: Retrieve", "name: [", "no YAML"),
]  # fmt: skip


@beside
@pytest.mark.parametrize(("file", "before", "after", "said"), WRONG)
def test_a_case_that_does_not_hold_fails_and_says_why(
    file: Path, before: str, after: str, said: str, tmp_path: Path
) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "case.yml").write_text(text.replace(before, after), encoding="utf-8")
    assert said in "; ".join(play(tmp_path / "case.yml").faults)


@beside
def test_an_answer_that_we_would_take_for_a_payment_fails(tmp_path: Path) -> None:
    """Whatever its rules say: an answer that proves nothing is not read as paid, one that proves a payment is."""
    text = POLLING.read_text(encoding="utf-8").replace("amount: '52'", "amount: '52.001'")
    (tmp_path / "case.yml").write_text(text, encoding="utf-8")
    # No such amount of USD: it is not ours to pay, and nothing of the case becomes a payment of ours.
    assert play(tmp_path / "case.yml").asked == 2


def test_the_command_prints_a_line_per_case_and_ends_with_one_where_one_fails(tmp_path: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway_mobile_money.compliance", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run().returncode == 2
    step = "{path: /heartbeat, method: GET, request: {uri: /heartbeat}, response: {status: 200}}"
    good = f"name: alive\ntest_steps:\n- {step}\n"
    (tmp_path / "a.yml").write_text(good, encoding="utf-8")
    done = run()
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "PASS a.yml (1 steps, 0 by our own request)")
    (tmp_path / "b.yaml").write_text("7", encoding="utf-8")
    done = run()
    assert (done.returncode, done.stdout.splitlines()[1:]) == (
        1, ["FAIL b.yaml: it has no test_steps", "2 cases, 1 passed, 1 failed"],
    )  # fmt: skip


# -- templates and rules ---------------------------------------------------------------------------------------------

KNOWN = {"env": {"A": "x"}, "steps": {"1": {"headers": {"X-Url": ["u"]}, "body": {"a": 1}, "link": "/transactions/T1"}}}


@pytest.mark.parametrize(("text", "said"), [
    ("plain", "plain"), ("{{ env.A }}", "x"), ('{{ env.B|default("y") }}/z', "y/z"), ("{{ steps.1.body.a }}", 1),
    ('{{ steps.1.headers["x-url"].0}}', "u"), ("{{ steps.1.link [14:] }}", "T1"), ("{{ steps.1.link[1:3] }}", "tra"),
    ('{{ steps.1.body|merge({b: [1], "d": {e: env.A}})|json_encode }}', '{"a": 1, "b": [1], "d": {"e": "x"}}'),
    ("{{ env.A ~ '-' ~ env.A }}", "x-x"), ("{{ nothing.there }}", None), ("{{ 'a'|upper }}{{ -1 }}", "A-1"),
])  # fmt: skip
def test_templates(text: str, said: object) -> None:
    assert twig.render(text, KNOWN) == said


@pytest.mark.parametrize(
    "text", ["{{ a b }}", "{{ x() }}", "{{ a|nofilter }}", "{{ (a }}", "{{ 'a'|merge({}) }}", "{{ ? }}"]
)
def test_what_is_no_template_is_said(text: str) -> None:
    with pytest.raises(twig.Untold):
        twig.render(text, KNOWN)


MESSAGE = {"status": 202, "headers": {"X-A": ["1"]}, "body": {"n": "50.00", "list": [{"k": 1}, {"k": 2}], "empty": ""}}
RULES = [
    ("status", "required|in:200,202", True), ("status", "in:200", False),
    ("body.n", r"regex:/^50([.][0-9]{0,4})?$/", True),
    ("body.n", ["required", "regex:/a|50/i"], True), ("body.n", "required|regex:/^(a|b)$/|string", False),
    ("headers.x-a.*", "required", True), ("headers.x-b.*", "required|url", False), ("headers.x-a.*", "url", False),
    ("body.list.*.k", "integer|min:1", True), ("body.list.*.k", "max:1", False), ("body.list", "array|size:2", True),
    ("body.empty", "required", False), ("body.empty", "in:x", True), ("body.none", "uuid", True),
    ("body.n", "uuid", False),
    ("body.n", "nosuchrule", False), ("body.none", "nosuchrule", True), ("body.n", "numeric|between:49,51", False),
]  # fmt: skip


@pytest.mark.parametrize(("place", "rule", "holds"), RULES)
def test_rules(place: str, rule: object, holds: bool) -> None:
    assert (list(rules.faults({place: rule}, MESSAGE)) == []) is holds
