"""The setting `statement` of a channel: how the provider's own statements are read."""

from __future__ import annotations

from ..reconcile.mapping import SheetMapping, Unmapped, read_mapping
from .problems import Wrong
from .readers import table


def statement_mapping(value: object) -> SheetMapping:
    """The mapping that a configuration writes."""
    try:
        return read_mapping(table(value))
    except Unmapped as error:
        raise Wrong(error.reason, error.mend, under=error.key) from None
