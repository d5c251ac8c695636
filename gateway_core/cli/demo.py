"""`gateway demo`: the whole job, on this machine alone. The story itself is in `demo_story`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .app import command
from .desk import Desk
from .errors import REST


@command(o.SETTING_UP)
def demo(
    desk: Desk,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Do it there, and leave it all.")] = None,
    lines: Annotated[int, typer.Option("--invoices", min=10, max=10_000, help="How many people to pay.")] = 1000,
) -> int:
    """See the whole job: 1,000 people paid once over a misbehaving provider, killed half-way. Needs nothing else."""
    import shutil
    import tempfile
    import time

    from .demo_story import DemoFailed, tell_story

    began = time.monotonic()
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise typer.BadParameter(f"{keep} is not empty")
    desk.out.test = True
    folder = keep or Path(tempfile.mkdtemp(prefix="gateway-")) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = tell_story(desk, folder, lines)
    except DemoFailed as failed:
        desk.out.note(f"gateway: the demo failed: {failed}")
        return REST
    finally:
        if keep is None:
            shutil.rmtree(folder.parent, ignore_errors=True)
    desk.out.say("", f"{time.monotonic() - began:.0f} s" + (f"; all of it is in {keep}" if keep else ""))
    desk.out.result(found.as_dict())
    return 0 if found.good else REST
