"""The demo's story: the whole job over a provider that misbehaves, with a kill half-way.

The provider and the sender are processes of their own; every other step is the command that its line shows.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import time
from pathlib import Path
from typing import Any

import attrs

from .app import run_command
from .demo_payroll import payroll, table
from .demo_processes import Provider, Sender
from .demo_report import Compared, compare, show
from .desk import CONFIG, Desk
from .errors import HELD, WAITS
from .output import TEST

NAME = "2026-11-child-grant"
MAKER, CHECKER = "amina", "joseph"
SEED, RATE = 2026, 0.2
# Doubts are settled in seconds here: nobody waits a day for a demonstration.
HURRY = "timeout = 1.0\npatience = 3.0\n"
LONGEST_KILL, LONGEST_RUN, ROUNDS, SHOWN = 20.0, 60, 5, 2


class DemoFailed(Exception):
    """A step ended otherwise than it must."""


@attrs.define
class Demo:
    """The story: where it happens, and who tells it."""

    desk: Desk
    folder: Path
    provider: Provider
    began: float = attrs.field(factory=time.monotonic)

    def tell(self, line: str) -> None:
        """A line of the story, with the seconds since it began."""
        self.desk.out.say("", f"[{time.monotonic() - self.began:2.0f} s] {line}")

    def gateway(self, *arguments: str, show: int = 9, allowed: tuple[int, ...] = (0,)) -> int:
        """Run a command; show it, with the first lines of what it says. Returns its exit code."""
        self.desk.out.say(f"$ gateway {shlex.join(arguments)}")
        code, said = self._run(*arguments)
        self.show(said, show)
        if code not in allowed:
            raise DemoFailed(f"`gateway {arguments[0]}` ended with exit code {code}")
        return code

    def ask(self, *arguments: str) -> Any:
        """Run a command for its JSON."""
        return json.loads(self._run(*arguments, "--json")[1])

    def show(self, said: str, lines: int = 9) -> None:
        """What a command said, indented; that all this is a test was said already."""
        told = [line for line in said.splitlines() if line and line != TEST]
        self.desk.out.say(*(f"    {line}" for line in told[:lines]))

    def _run(self, *arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            where = ("--config", str(self.folder / CONFIG)) if arguments[0] != "init" else ()
            code = run_command([*where, *arguments])
        return code, said.getvalue()


def tell_story(desk: Desk, folder: Path, lines: int) -> Compared:
    """All of it, in the folder. Raises DemoFailed."""
    with Provider(folder / "provider.db", SEED, RATE) as provider:
        return _story(Demo(desk, folder, provider), lines)


def _story(d: Demo, lines: int) -> Compared:
    d.tell(f"A provider that misbehaves in one of five payments (seed {SEED}) listens at {d.provider.url}")
    d.gateway("init", str(d.folder), "--base-url", d.provider.url, "--mark-dir", "marks", show=2)
    _hurry(d.folder / CONFIG)
    invoices = d.folder / f"{NAME}.csv"
    invoices.write_bytes(table(payroll(lines)))

    d.tell(f"{MAKER} proposes a payroll of {lines:,} invoices; everything is checked; {CHECKER} approves")
    d.gateway("propose", str(invoices), "--channel", "dummy", "--by", MAKER, show=1)
    d.gateway("check", NAME)
    d.gateway("approve", NAME, "--by", CHECKER, show=1)

    _pay_with_a_kill(d)
    _people_decide(d)

    d.tell("The payroll is compared with the provider, closed by the other person, and the journal is verified")
    _reconcile(d)
    d.gateway("close", NAME, "--by", CHECKER)
    d.gateway("verify", "--export-heads", str(d.folder / "heads.jsonl"))

    d.tell("What became of it: our journal, and beside it the provider's own ledger")
    found = compare(d.ask("payments"), d.ask("status"), d.provider.report())
    show(d.desk.out, found)
    return found


def _hurry(config: Path) -> None:
    """Keys of the test channel, which is the file's last table."""
    with config.open("a", encoding="utf-8") as file:
        file.write(HURRY)


def _pay_with_a_kill(d: Demo) -> None:
    d.tell("The money goes out; half-way the sender is killed (SIGKILL), as a power cut would do it")
    d.desk.out.say("$ gateway run")
    with Sender(d.folder / CONFIG) as sender:
        counts = _half_way(d, sender)
        sender.kill()
    shown = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))
    d.desk.out.say(f"    killed process {sender.pid} at: {shown}")
    d.tell("It is started again: what was in doubt is asked about, never sent blindly")
    _run_to_the_end(d)


def _half_way(d: Demo, sender: Sender) -> dict[str, int]:
    """Watch the store until half of the payments are settled."""
    from ..paymaster import Paymaster

    until = time.monotonic() + LONGEST_KILL
    with Paymaster.open(d.folder / CONFIG) as watching:
        while True:
            status = watching.status(NAME)[0]
            settled = sum(status.counts.get(state, 0) for state in ("paid", "refused"))
            if settled * 2 >= status.lines or not sender.alive() or time.monotonic() > until:
                return dict(status.counts)
            time.sleep(0.02)


def _run_to_the_end(d: Demo) -> None:
    """Until nothing waits any more."""
    code = WAITS
    for _ in range(ROUNDS):
        if code != WAITS:
            break
        d.desk.out.say("$ gateway run --wait 30")
        with Sender(d.folder / CONFIG, "--wait", "30") as sender:
            code, said = sender.finish(LONGEST_RUN)
        d.show(said)
    if code not in (0, HELD):
        raise DemoFailed(f"`gateway run` ended with exit code {code}")


def _people_decide(d: Demo) -> None:
    """What is held: look the truth up at the provider, then two people say so."""
    held = d.ask("holds")
    if not held:
        return
    d.tell("What no rule can decide is held for people: they ask the provider's desk, and two of them say so")
    for number, one in enumerate(held):
        to, reason, reference = d.provider.desk(one["payment"])
        what = ("release", one["payment"], "--to", to, "--reason", reason, "--reference", reference, "--by")
        d.desk.out.say(f"{one['invoice']}, {one['amount']} {one['currency']}, {one['name']}: {one['reason']}")
        for person in (MAKER, CHECKER):
            if number < SHOWN:
                d.gateway(*what, person)
            elif d.ask(*what, person).get("error"):
                raise DemoFailed(f"payment {one['payment']} was not released")
        if number >= SHOWN:
            d.desk.out.say(f"    {to}, say {MAKER} and {CHECKER}: {reason}")
    _run_to_the_end(d)


def _reconcile(d: Demo) -> None:
    """The provider spoils questions too: those without an answer are asked again."""
    code = WAITS
    for _ in range(ROUNDS):
        if code == WAITS:
            code = d.gateway("reconcile", NAME, "--by", MAKER, show=1, allowed=(0, WAITS))
    if code:
        raise DemoFailed("the provider did not answer for all of them")
