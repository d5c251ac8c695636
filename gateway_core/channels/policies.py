"""Policies of the host, by the names in the configuration: loaded, marked and tried, so that none is silently deaf."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pluggy

from ..contract.hookspecs import PROJECT, hookimpl
from ..contract.policies import Policies, PolicySpecs
from .entries import BROKEN, described, load, named
from .problems import Wrong

GROUP = "gateway_core.policies"
HOOKS = tuple(name for name in vars(PolicySpecs) if not name.startswith("_"))
_MARK = f"{PROJECT}_impl"


def load_policy(name: str) -> object:
    """The policy of that name, or at that import path. Raises Wrong with one plain sentence.

    A class is instantiated; a module or an object is taken as it is. Methods with a hook's name are hooks, so that no
    decorator can be forgotten: a screening that nobody calls would let everything pass.
    """
    found = _imported(name) if ":" in name else load(named(GROUP, name, "policy"), "policy")
    policy = _instance(name, found)
    _mark(name, policy)
    _try(name, policy)
    return policy


def _imported(path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except BROKEN as error:
        raise Wrong(
            f"names the policy {path!r}, which cannot be imported ({described(error)})",
            "write package.module:attribute, of a package that is installed or on PYTHONPATH",
        ) from error
    return found


def _instance(name: str, found: Any) -> object:
    if not inspect.isclass(found):
        return found
    try:
        return found()
    except BROKEN as error:
        raise Wrong(
            f"names the policy {name!r}, a class that cannot be made without arguments ({described(error)})",
            "name an object that is ready to use",
        ) from error


def _mark(name: str, policy: object) -> None:
    hooks = [getattr(policy, hook) for hook in HOOKS if callable(getattr(policy, hook, None))]
    if not hooks:
        raise Wrong(f"names the policy {name!r}, which has none of {', '.join(HOOKS)}", "give it one, or remove it")
    for hook in hooks:
        function = getattr(hook, "__func__", hook)
        options = getattr(function, _MARK, None)
        if options is None:
            hookimpl(function)
        elif options.get("wrapper") or options.get("hookwrapper"):
            raise Wrong(f"names the policy {name!r}, whose {hook.__name__} is a wrapper", "make it a plain method")


def _try(name: str, policy: object) -> None:
    """Register it once, alone, so that pluggy's complaints name the policy and not a stack of calls."""
    try:
        Policies([(name, policy)])
    except (pluggy.PluginValidationError, ValueError) as error:
        raise Wrong(
            f"names the policy {name!r}, which does not fit: {described(error)}", "see contract.PolicySpecs"
        ) from error
