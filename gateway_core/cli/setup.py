"""Setting up and keeping: a first configuration, plugins, backups, verification, a restored store."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import attrs
import typer

from ..model.errors import ConfigurationError
from . import options as o
from .app import command
from .desk import CONFIG, Desk
from .errors import REST
from .output import counted
from .progress import progress

Panel = o.SETTING_UP


@command(Panel)
def init(
    desk: Desk, folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; default: here.")] = Path(),
    base_url: Annotated[str, typer.Option("--base-url", metavar="URL", help="The test channel's server.")] = "",
    mark_dir: Annotated[str, typer.Option("--mark-dir", metavar="DIR", help="Where the sender's mark lies.")] = "",
) -> int:  # fmt: skip
    """Write a configuration with a test channel, and create its store."""
    from ..channels import template

    file = folder / CONFIG
    name = deployment_name(folder.resolve().name)
    chosen = {"base_url": base_url, "store": desk.store_url or ""}
    text = template(name, **{key: value for key, value in chosen.items() if value})
    if mark_dir:
        # A JSON string is a TOML string; a key of the file's own must come before its first table.
        text = f"mark_dir = {json.dumps(mark_dir, ensure_ascii=False)}\n\n{text}"
    folder.mkdir(parents=True, exist_ok=True)
    desk.config, desk.store_url = file, None
    _write_new(file, text)
    try:
        desk.open(create=True)
    except BaseException:
        # Half an installation would only be in the way of the next try.
        file.unlink()
        raise
    server = urlsplit(base_url)
    local = not base_url or server.hostname in ("127.0.0.1", "localhost", "::1")
    serve = f"next, in another terminal:  gateway dummy-server --port {server.port or 8765} --ledger dummy.db"
    there = f" --config {file}" if folder != Path() else ""
    desk.out.say(
        f"wrote {file}: deployment {name!r}, a test channel `dummy`",
        f"created the store {desk.configuration().shown_store}",
        "",
        serve if local else f"next: see that the dummy server answers at {base_url}",
        f"then:  gateway pay payroll.csv --channel dummy --by amina --approve-by joseph{there}",
        "or see it all at once:  gateway demo",
    )
    shown = desk.configuration().shown_store
    desk.out.result({"config": str(file), "deployment": name, "store": shown, "channels": ["dummy"]})
    return 0


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as to:
            to.write(text)
    except FileExistsError:
        raise ConfigurationError(str(file), "exists already; nothing was changed", "choose another folder") from None


def deployment_name(folder: str) -> str:
    """A valid name from a folder's: "Child Grant 2026" is "child-grant-2026"."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[:48].strip("-")
    return name if len(name) > 1 else f"payments-{name}".strip("-")


@command(Panel)
def plugins(desk: Desk) -> int:
    """Which gateways are installed, which the configuration uses, and what is wrong with any."""
    from ..channels import list_plugins

    used = desk.configuration().gateways.values() if desk.config.exists() else ()
    found = list_plugins(set(used))
    rows = [(p.name, p.version, p.distribution, "in use" if p.enabled else "", p.error) for p in found]
    desk.out.table(("gateway", "version", "from", "here", "cannot be used because"), rows)
    desk.out.result({"plugins": [attrs.asdict(p) for p in found]})
    return 0


@command(Panel)
def backup(desk: Desk, target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; a new file.")]) -> int:
    """Copy the store consistently, also while payments are being sent."""
    from ..store.backup import backup as copy

    made = copy(desk.store(), target)
    about = f"{counted(made.payments, 'payment')} in {counted(made.payrolls, 'payroll')}, {made.size:,} bytes"
    desk.out.say(f"wrote {target}: {about}", "restored one day, it must be told so: gateway restored --by A --by B")
    desk.out.result(attrs.asdict(made))
    return 0


@command(Panel)
def verify(
    desk: Desk,
    heads: Annotated[Path | None, typer.Option("--heads", metavar="FILE", help="Heads exported earlier.")] = None,
    export: Annotated[Path | None, typer.Option("--export-heads", metavar="FILE", help="Add the heads to it.")] = None,
    bundle: Annotated[Path | None, typer.Argument(metavar="[BUNDLE]", help="An evidence bundle instead.")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its signer's public key.")] = None,
) -> int:
    """Check the journal: was any row altered, removed or reordered; do the states follow from the facts?

    Given a BUNDLE (gateway bundle), that is checked, without configuration and store.
    """
    if bundle is not None:
        return _bundle(desk, bundle, key)
    paymaster = desk.open()
    with progress(desk.out, "verifying") as step:
        found = paymaster.verify(heads, progress=step)
    desk.out.say(*found.lines())
    body: dict[str, Any] = {**attrs.asdict(found), "ok": found.ok}
    if export is not None and found.ok:
        body["exported"] = paymaster.export_heads(export)
        desk.out.say(f"{counted(body['exported'], 'head')} added to {export}; keep it where nobody can alter both")
    desk.out.result(body)
    return 0 if found.ok else REST


def _bundle(desk: Desk, bundle: Path, key: Path | None) -> int:
    from ..reconcile.bundle_check import check, read_key

    try:
        known = read_key(key.read_text()) if key else None
    except ValueError as error:
        raise typer.BadParameter(f"{key} {error}") from None
    found = check(bundle, known)
    desk.out.say(*found.lines()[: -1 if found.ok else None])
    if found.ok:
        desk.out.say("nothing was changed since it was made, and every state follows from its facts")
    desk.out.result({**attrs.asdict(found), "ok": found.ok})
    return 0 if found.ok else REST


@command(Panel)
def restored(
    desk: Desk, by: o.Two,
    over: Annotated[bool, typer.Option("--over", help="What was lost is known again: ask no more.")] = False,
) -> int:  # fmt: skip
    """Two people say that the store is an older one: payments are asked about before they are sent, until --over."""
    if len(by) != 2:
        raise typer.BadParameter("two people say so: --by A --by B")
    if over:
        desk.open().restore_over(by=by[0], second=by[1])
        desk.out.say("new payments are sent without being asked about first")
        desk.out.result({"over": True, "by": by})
        return 0
    count = desk.open().restored(by=by[0], second=by[1])
    desk.out.say(f"{counted(count, 'payment')} will be asked about before anything is sent")
    desk.out.say("files of a bank that came since the backup: move them from the archive back into the inbox first")
    desk.out.say("next: gateway run")
    desk.out.result({"payments": count, "by": by})
    return 0
