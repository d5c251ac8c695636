"""Configuration: `gateway.toml` or a dict becomes named channels and policies; only what is named is loaded."""

from .configuration import Configuration
from .loading import load
from .plugins import Plugin, list_plugins
from .secrets import Reference
from .template import template

__all__ = ["Configuration", "Plugin", "Reference", "list_plugins", "load", "template"]
