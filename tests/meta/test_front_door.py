"""The front door: few names, each where the table says, and nothing heavy behind it until it is used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

import pytest

import gateway_core
from tests.meta.imports import CORE


def shown() -> dict[str, str]:
    """name -> module, as type checkers see the front door."""
    tree = ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    found = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {name.name: "." + (node.module or "") for node in found for name in node.names}


def test_what_is_shown_is_what_is_said() -> None:
    assert shown() == gateway_core._HOME
    assert set(gateway_core.__all__) == set(gateway_core._HOME)
    assert set(gateway_core.__all__) <= set(dir(gateway_core))
    assert gateway_core.__all__ == sorted(gateway_core.__all__)


def test_it_stays_small() -> None:
    assert len(gateway_core.__all__) <= 32


@pytest.mark.parametrize("name", gateway_core.__all__)
def test_a_name_is_there_and_documented(name: str) -> None:
    found = getattr(gateway_core, name)
    home = importlib.import_module(gateway_core._HOME[name], "gateway_core")
    assert found is getattr(home, name)
    assert found.__doc__


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Paymastr"):
        gateway_core.Paymastr  # noqa: B018


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, gateway_core; print(*sorted(name for name in sys.modules if name.startswith('gateway_core')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gateway_core"]
