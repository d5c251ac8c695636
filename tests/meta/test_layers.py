"""The house: imports point down its list of floors only, and a plugin knows the contract alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.imports import CORE, ROOT, imports_of, module_of, sources

# Lower may not import higher, nor its neighbours on the same floor.
FLOORS = (
    {"model"},
    {"printing"},
    {"contract"},
    {"store"},
    {"engine"},
    {"lifecycle", "cash"},
    {"reconcile"},
    {"channels"},
    {"gating"},
    {"looking"},
    {"auditing"},
    {"filing"},
    {"settling", "deciding", "planning", "reviewing"},
    {"cashing"},
    {"cycling"},
    {"paymaster"},
    {"cli", "web", "testing"},
)
FLOOR = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
CORE_FILES = sources(CORE)
# The engine's driver runs under a hand-stepped simulator too: only these know the real clock, loop and network.
SEAMS = {"runtime.py", "lanes.py", "callbacks.py", "tls.py", "listener.py"}
# Under the lanes: our own transport. What the simulator has instead of it is a wire of its own.
TRANSPORT = CORE / "engine" / "transport"
WORLD = {"asyncio", "httpx", "time"}
# What a plugin's simulator, or its player of cases, loaded on demand, may use besides the contract.
FOR_SIMULATORS = tuple(
    f"gateway_core.testing.{part}"
    for part in ("provider", "ledger", "behaviours", "grouped", "hearing", "serving", "caller")
)
# httpx brings rich and click where they are installed, so they are not listed.
HEAVY = {"sqlalchemy", "uvicorn", "starlette", "typer", "pytest"}
PLUGINS = [folder for folder in sorted((ROOT / "plugins").glob("*/gateway_*")) if folder.is_dir()]


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def parts_used(file: Path) -> Iterator[str]:
    """The parts of the house that a file of the core imports."""
    for name in imports_of(file, ROOT):
        if name == "gateway_core" or name.startswith("gateway_core."):
            yield [*name.split("."), ""][1]


@pytest.mark.parametrize("file", CORE_FILES, ids=relative)
def test_imports_point_down(file: Path) -> None:
    own = [*module_of(file, ROOT).split("."), ""][1]
    if not own:
        return  # the front door shows what is behind it
    assert own in FLOOR, f"{own} is no part of the house: add it to its floor"
    wrong = {part for part in parts_used(file) if part != own and FLOOR.get(part, len(FLOORS)) >= FLOOR[own]}
    assert not wrong, f"{relative(file)} imports {', '.join(map(repr, sorted(wrong)))}, which is not below {own!r}"


def test_every_part_of_the_house_has_a_floor() -> None:
    there = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__"} <= set(FLOOR)


@pytest.mark.parametrize("file", sources(CORE / "engine"), ids=relative)
def test_only_the_seams_of_the_engine_know_the_world(file: Path) -> None:
    used = {name.split(".")[0] for name in imports_of(file, ROOT)} & WORLD
    assert not used or file.name in SEAMS or TRANSPORT in file.parents, (
        f"{relative(file)} imports {', '.join(sorted(used))}"
    )


@pytest.mark.parametrize("file", [f for plugin in PLUGINS for f in sources(plugin)], ids=relative)
def test_a_plugin_knows_the_contract_alone(file: Path) -> None:
    plugin = next(folder for folder in PLUGINS if folder in file.parents)
    used = set(imports_of(file, plugin.parent))
    core = {name for name in used if name.split(".")[0] == "gateway_core"}
    allowed = ("gateway_core.contract", *(FOR_SIMULATORS if file not in loaded_at_start(plugin) else ()))
    wrong = {
        name for name in core if not name.startswith(tuple(part + "." for part in allowed)) and name not in allowed
    }
    assert not wrong, f"{relative(file)} imports {', '.join(sorted(wrong))}"
    others = {name.split(".")[0] for name in used} & {other.name for other in PLUGINS if other != plugin}
    assert not others, f"{relative(file)} imports another plugin: {', '.join(sorted(others))}"


def loaded_at_start(plugin: Path) -> set[Path]:
    """The files that are imported when the plugin is: everything else is loaded on demand."""
    modules = {module_of(file, plugin.parent): file for file in sources(plugin)}
    seen: set[Path] = set()
    todo = [plugin / "__init__.py"]
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            for name in imports_of(file, plugin.parent, at_start=True):
                todo += [modules[found] for found in (name, name.rpartition(".")[0]) if found in modules]
    return seen


@pytest.mark.parametrize("name", FOR_SIMULATORS)
def test_what_simulators_are_built_on_needs_no_test_runner(name: str) -> None:
    assert "pytest" not in loaded_by(name), f"{name} loads pytest"


def test_the_contract_loads_no_database_and_no_server() -> None:
    assert not loaded_by("gateway_core.contract") & HEAVY


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_loads_no_database_and_no_server(plugin: Path) -> None:
    assert not loaded_by(plugin.name) & HEAVY


def loaded_by(module: str) -> set[str]:
    """The top names of everything that is loaded after one import, in a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())
