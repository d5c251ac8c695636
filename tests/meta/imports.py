"""What a module imports, read from its source: relative names made absolute; inside functions and for typing, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "gateway_core"


def module_of(file: Path, base: Path) -> str:
    """The dotted name of a file below `base`: gateway_core/model/money.py is gateway_core.model.money."""
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, base: Path, *, at_start: bool = False) -> Iterator[str]:
    """Dotted names of what a file imports. `at_start`: only what runs when the module itself is imported."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    package = module_of(file, base).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    for node in _at_start(tree) if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = [*above, *(node.module.split(".") if node.module else [])]
            yield from (".".join([*start, name.name]) for name in node.names)


def _at_start(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (found for other in child.orelse for found in (other, *_at_start(other)))
            continue
        yield child
        yield from _at_start(child)


def sources(folder: Path) -> list[Path]:
    """Every Python file below a folder."""
    return sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)
