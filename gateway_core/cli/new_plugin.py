"""`gateway new-plugin NAME`: a gateway of one's own to begin with, which installs, keeps the contract, and pays."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ..model.errors import ConfigurationError
from . import options as o
from .app import command
from .desk import Desk

# Where each template goes; "{package}" is the plugin's.
PAGES = {
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "init.py": "{package}/__init__.py",
    "gateway.py": "{package}/gateway.py",
    "manual.py": "{package}/manual.py",
    "proof.py": "{package}/proof.py",
    "simulator.py": "{package}/simulator.py",
    "test_contract.py": "tests/test_contract.py",
    "channel.toml": "channel.toml",
    "payroll.csv": "payroll.csv",
    "rehearse.sh": "rehearse.sh",
}
NAME = re.compile(r"[a-z](_?[a-z0-9]){1,29}")
_MEND = "write 2 to 30 small letters, digits and single underscores, beginning with a letter: acme_bank"


@command(o.SETTING_UP, name="new-plugin")
def new_plugin(
    desk: Desk, name: Annotated[str, typer.Argument(metavar="NAME", help="The gateway's name, such as acme_bank.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="A new folder; default: gateway-NAME, here.")
    ] = None,
) -> int:  # fmt: skip
    """Write a gateway of your own to begin with: a folder that installs, keeps every law, and pays over a simulator."""
    words = words_for(name)
    place = folder or Path(words["distribution"])
    written = write(place, words)
    desk.out.say(
        f"wrote {len(written)} files into {place}",
        "",
        f"next:  cd {place}",
        "       pip install -e '.[test]'     # then `gateway plugins` lists it",
        "       pytest                       # every law of the contract, against its simulator",
        "       sh rehearse.sh               # ten people are paid over the simulator",
        "its README.md says where your provider's manual goes",
    )
    desk.out.result({"folder": str(place), "gateway": name, "files": written})
    return 0


def words_for(name: str) -> dict[str, str]:
    """What the templates call things. Raises ConfigurationError for a name that cannot be one."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigurationError(name, "cannot be the name of a gateway", _MEND)
    from ..channels.entries import distribution, installed
    from ..channels.plugins import GROUP

    for point in installed(GROUP):
        if point.name == name:
            owner = distribution(point)[0] or point.value
            raise ConfigurationError(
                name, f"is the name of a gateway that {owner} brings already", "choose another name"
            )
    return {
        "name": name,
        "package": f"gateway_{name}",
        "class": "".join(part.capitalize() for part in name.split("_")),
        "distribution": f"gateway-{name.replace('_', '-')}",
        "channel": name.replace("_", "-"),
        "env": name.upper(),
    }


def write(folder: Path, words: dict[str, str]) -> list[str]:
    """Write all pages into a folder that is new or empty. Returns their names; nothing is ever overwritten."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigurationError(str(folder), "exists already; nothing was changed", "choose another --folder")
    texts = {at.format(package=words["package"]): _filled(page, words) for page, at in PAGES.items()}
    for at, text in texts.items():
        file = folder / at
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as to:
            to.write(text)
    return list(texts)


def _filled(page: str, words: dict[str, str]) -> str:
    text = files(__package__).joinpath("new_plugin_files", f"{page}.txt").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", value)
    return text
