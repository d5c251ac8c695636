"""Plugins as people install them: distributions with entry points, in a folder on sys.path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

IMPORTS = """\
import attrs
from gateway_core.contract import Capabilities, Gateway, Hidden, Objection, Paid, Settings, hookimpl
"""

FLOW = """
    def execute_payment(self, payment, ctx):
        return Paid("1")
        yield
"""

# Entry point -> source of the module `acme_<name>`, whose class is Plugin.
GATEWAYS = {
    "sim": f"""{IMPORTS}
@attrs.frozen(kw_only=True)
class Mine(Settings):
    pin: Hidden | None = None
    callback_url: str = ""
    retries: int = 3
    ratio: float = 0.5
    strict: bool = True
    codes: list[str] = attrs.Factory(list)

class Plugin(Gateway[Mine]):
    name = "sim"
    test_only = True
    capabilities = Capabilities(dedupes=True, settle=10, max_concurrency=16)
{FLOW}""",
    "bank": f"""{IMPORTS}
@attrs.frozen(kw_only=True)
class Mine(Settings):
    token: Hidden
    fussy: bool = False

class Plugin(Gateway[Mine]):
    name = "bank"
    capabilities = Capabilities(settle=60, max_concurrency=1)
    def __init__(self, settings):
        if settings.fussy:
            raise ValueError("token " + settings.token.reveal())
        super().__init__(settings)
{FLOW}""",
    "nowhere": f"""{IMPORTS}
@attrs.frozen(kw_only=True)
class Mine(Settings):
    base_url: str = ""

class Plugin(Gateway[Mine]):
    name = "nowhere"
{FLOW}""",
    "broken": "import a_library_that_nobody_has",
    "raising": "raise RuntimeError('no licence\\nsecond line')",
    "exits": "import sys; sys.exit(3)",
    "hookless": f"{IMPORTS}\nclass Plugin(Gateway[Settings]):\n    name = 'hookless'\n",
    "newer": f"{IMPORTS}\nclass Plugin(Gateway[Settings]):\n    name = 'newer'\n    contract = 99\n{FLOW}",
    "misnamed": f"{IMPORTS}\nclass Plugin(Gateway[Settings]):\n    name = 'other'\n{FLOW}",
    "stranger": "class Plugin: pass",
    "clash": f"""{IMPORTS}
@attrs.frozen(kw_only=True)
class Mine(Settings):
    timeout: int = 1

class Plugin(Gateway[Mine]):
    name = "clash"
{FLOW}""",
    "odd": f"""{IMPORTS}
@attrs.frozen(kw_only=True)
class Mine(Settings):
    when: dict = attrs.Factory(dict)

class Plugin(Gateway[Mine]):
    name = "odd"
{FLOW}""",
    "loose": f"{IMPORTS}\nclass Plugin(Gateway[Settings]):\n    name = 'loose'\n    capabilities = None\n{FLOW}",
}

POLICIES = {
    "registry": f"""{IMPORTS}
class Plugin:
    def check_payments(self, payments):
        return [(payment.id, Objection("dead", "is not alive")) for payment in payments]
""",
    "deaf": "class Plugin:\n    def check_payment(self, payments): return []\n",
    "wrapping": f"{IMPORTS}\nclass Plugin:\n    @hookimpl(wrapper=True)\n    def before_sending(self): yield\n",
    "misfit": "class Plugin:\n    def check_payments(self, payments, mood): return []\n",
    "needy": "class Plugin:\n    def __init__(self, url): pass\n    def check_payments(self, payments): return []\n",
    "brokenpolicy": "import a_library_that_nobody_has",
}

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """install(distribution, {group: {name: target}}, {module: source}): as pip does, and forgotten after the test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def do(distribution: str, points: dict[str, dict[str, str]], modules: dict[str, str], version: str = "1.2") -> Path:
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = (f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in points.items())
        (info / "entry_points.txt").write_text("\n".join(lines))
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        importlib.invalidate_caches()
        return info

    yield do
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
            del sys.modules[name]


@pytest.fixture
def acme(install: Install) -> None:
    """All plugins above, installed by one stranger's distribution."""
    points = {
        "gateway_core": {name: f"acme_{name}:Plugin" for name in GATEWAYS},
        "gateway_core.policies": {name: f"acme_{name}:Plugin" for name in POLICIES},
    }
    install("acme-plugins", points, {f"acme_{name}": source for name, source in (GATEWAYS | POLICIES).items()})


@pytest.fixture
def base() -> dict[str, Any]:
    """The smallest configuration that is accepted, with one test channel."""
    return {
        "deployment": "example-grants",
        "environment": "test",
        "store": "sqlite:///payments.db",
        "channels": {"one": {"gateway": "sim", "base_url": "http://127.0.0.1:8765"}},
    }
