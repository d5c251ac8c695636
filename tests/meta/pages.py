"""The parts of the documentation that are written from the code: `python -m tests.meta.pages` renews them all.

A page has them between `<!-- written: NAME -->` and `<!-- end -->`; a test compares.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import metadata

import typer
from packaging.requirements import Requirement

from gateway_core.cli.app import SHARED, app
from gateway_core.model import drawing
from gateway_core.paymaster import Paymaster
from tests.meta.imports import ROOT

DOCS = ROOT / "docs"
# Commands that end in other ways than 0 for done; 1, 2 and 5 are everybody's.
EXITS = {
    "run": "0 nothing is left, 4 something still waits, 3 something is held",
    "pay": "as `run`; 2 with objections (nothing was approved then), 4 on a live store (proposed, nothing sent)",
    "reconcile": "0 all agree, 3 something differs (cases were opened), 4 the rail did not answer for all",
    "check": "0 nothing speaks against it, 2 with objections or mistakes",
    "propose": "0 proposed, 2 with mistakes (nothing was written then)",
    "approve": "0 approved, 2 where objections stand, 5 where maker is checker or a signature is missing or wrong",
    "verify": "0 all is whole, 1 with findings",
    "proofs import": "0 taken, 3 a photograph was refused, or a record is about none of ours; 2 an archive is refused",
    "proofs accept": "0 none is left, 4 some are flagged or decide nothing, 5 who paid out or gave them in",
    "lists seal": "0 sealed, 1 not yet (handed out is not paid + returned, proofs wait), 5 who counted or paid out",
    "demo": "0 all went as it should, 1 it did not",
}


def payment_states() -> str:
    return f"```mermaid\n{drawing.payment()}\n```"


def payroll_states() -> str:
    return f"```mermaid\n{drawing.payroll()}\n```"


def document_states() -> str:
    return f"```mermaid\n{drawing.document()}\n```"


def commands() -> dict[str, object]:
    """{"run": the command as the framework knows it}, sub-commands as "dummy-server ledger"."""
    found: dict[str, object] = {}

    def walk(group: object, before: str) -> None:
        for name, one in sorted(getattr(group, "commands", {}).items()):
            found[before + name] = one
            walk(one, f"{before}{name} ")

    walk(typer.main.get_command(app), "")
    return found


def command_line() -> str:
    return "\n\n".join(_command(name, one) for name, one in commands().items())


def _command(name: str, one: object) -> str:
    arguments, options = [], []
    for parameter in getattr(one, "params", ()):
        if parameter.param_type_name == "argument":
            arguments.append(parameter.metavar or parameter.name.upper())
        elif parameter.name not in (*SHARED, "help"):
            options.append(_option(parameter))
    parts = [f"### `gateway {name}`", str(getattr(one, "help", "")).strip()]
    parts.append("`" + " ".join(["gateway", name, *arguments, *(["[OPTIONS]"] if options else [])]) + "`")
    if options:
        parts.append("\n".join(options))
    if name in EXITS:
        parts.append(f"Exits: {EXITS[name]}.")
    return "\n\n".join(parts)


def _option(parameter: object) -> str:
    names = ", ".join(f"`{name}`" for name in getattr(parameter, "opts", ()))
    needed = " (required)" if getattr(parameter, "required", False) else ""
    said = str(getattr(parameter, "help", None) or "").strip()
    return f"- {names}{needed}" + (f": {said}" if said else "")


def methods() -> dict[str, object]:
    """The public names of Paymaster and of what it is made of, in the order of their sources."""
    parts = [part for part in Paymaster.__mro__ if part is not object]
    return {name: getattr(Paymaster, name) for part in parts for name in vars(part) if not name.startswith("_")}


def paymaster() -> str:
    return "\n\n".join(_method(name, one) for name, one in methods().items())


def _method(name: str, one: object) -> str:
    if isinstance(one, property):
        head, about = f"{name}", inspect.getdoc(one)
    else:
        function = getattr(one, "__func__", one)
        assert callable(function)
        head, about = f"{name}{_signature(function)}", inspect.getdoc(function)
    return f"### `{name}`\n\n```text\n{head}\n```\n\n{about}"


def _signature(function: Callable[..., object]) -> str:
    """As it stands in the source, without self; a line per parameter where it would be long."""
    signature = inspect.signature(function)
    own = [_parameter(one) for one in list(signature.parameters.values())[1:]]
    star = next((at for at, one in enumerate(own) if one.startswith("KEYWORD ")), None)
    if star is not None:
        own.insert(star, "*")
    own = [one.removeprefix("KEYWORD ") for one in own]
    flat = f"({', '.join(own)}) -> {signature.return_annotation}"
    return flat if len(flat) <= 100 else "(\n    " + ",\n    ".join(own) + f",\n) -> {signature.return_annotation}"


def _parameter(one: inspect.Parameter) -> str:
    text = f"{one.name}: {one.annotation}"
    if one.kind is one.VAR_KEYWORD:
        return f"**{text}"
    if one.default is not one.empty:
        # A default that is a function says nothing to readers.
        text += " = ..." if callable(one.default) else f" = {one.default!r}"
    return f"KEYWORD {text}" if one.kind is one.KEYWORD_ONLY else text


def dependencies() -> dict[str, set[str]]:
    """Every distribution that `.[all]` installs, with what needs it."""
    found: dict[str, set[str]] = {}
    todo = [("gateway-core", frozenset({"all"}))]
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in metadata.requires(name) or ():
            one = Requirement(text)
            if one.marker and not any(one.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                continue
            other = normal(one.name)
            if other != "gateway-core":
                found.setdefault(other, set()).add(name)
            todo.append((other, frozenset(one.extras)))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """What the distribution says of itself."""
    about = metadata.metadata(name)
    plain = " ".join(about.get_all("License-Expression") or ()).strip()
    listed = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    # "OSI Approved" alone says that there is one, not which.
    said = [line.rpartition(" :: ")[2] for line in listed if line != "License :: OSI Approved"]
    old = " ".join(about.get_all("License") or ()).strip()
    return plain or ", ".join(said) or (old if old and "\n" not in old and len(old) < 60 else "see its own files")


def licences() -> str:
    rows = [f"| {name} | {licence(name)} | {', '.join(sorted(why))} |" for name, why in sorted(dependencies().items())]
    return "\n".join(["| package | licence | needed by |", "|---|---|---|", *rows])


WRITTEN: dict[tuple[str, str], Callable[[], str]] = {
    ("states.md", "payment"): payment_states,
    ("states.md", "payroll"): payroll_states,
    ("states.md", "document"): document_states,
    ("cli.md", "commands"): command_line,
    ("python.md", "paymaster"): paymaster,
    ("licences.md", "licences"): licences,
}


def renewed(page: str, name: str, text: str) -> str:
    """The page with its part of that name written anew."""
    begin, end = f"<!-- written: {name} -->\n", "<!-- end -->\n"
    assert begin in page, f"there is no {begin.strip()}"
    before, _, rest = page.partition(begin)
    return before + begin + "\n" + text + "\n\n" + end + rest.partition(end)[2]


def main() -> Iterator[str]:
    for (file, name), write in WRITTEN.items():
        path = DOCS / file
        before = path.read_text(encoding="utf-8")
        after = renewed(before, name, write())
        if after != before:
            path.write_text(after, encoding="utf-8")
            yield f"{file}: {name}"


if __name__ == "__main__":
    for line in main():
        print("renewed", line)
