"""Pages that show files in pieces, and loading those files."""

from __future__ import annotations

import importlib.util
import re
import sys
from typing import Any

from tests.meta.imports import ROOT


def loaded(file: str) -> Any:
    """A module from its file, known by its name to the process that the kit starts."""
    path = ROOT / file
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def pieces(text: str, file: str) -> list[str]:
    """The blocks of a page that show a file, in their order."""
    return re.findall(rf"<!-- {re.escape(file)} -->\n```python\n(.*?)\n```", text, re.DOTALL)


def shows(text: str, file: str) -> str:
    """What is wrong with a page's pieces of a file; empty when each stands in it as it is shown."""
    source, shown = (ROOT / file).read_text(encoding="utf-8"), pieces(text, file)
    wrong = [f"{file} has not:\n{piece[:300]}" for piece in shown if piece not in source]
    return "\n".join(wrong) if shown else f"nothing of {file} is shown"
