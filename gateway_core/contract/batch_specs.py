"""The hooks of a batch rail: the four of every rail, of which `execute_payment` is about a file, and two of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .hookspecs import GatewaySpecs, hookspec

if TYPE_CHECKING:
    from ..model.payment import Payment
    from .batch import BatchCtx, Delivered, Document, HandedOver, Incoming, LeftOut, LineFacts
    from .replies import Refused


class BatchSpecs(GatewaySpecs):
    """What is asked of a gateway whose instruction is a whole file."""

    @hookspec(firstresult=True)
    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:  # type: ignore[empty-body]
        """Write files over these payments."""

    @hookspec(firstresult=True)
    def execute_payment(  # type: ignore[empty-body,override]
        self, document: Delivered, ctx: BatchCtx
    ) -> HandedOver | Refused:
        """What does the answer to the put of a file mean? The money moves when the bank carries the file out."""

    @hookspec(firstresult=True)
    def read_statement(self, incoming: Incoming) -> LineFacts:  # type: ignore[empty-body]
        """What does a file from the bank say, line by line? Pure."""


BATCH_HOOKS = tuple(name for name in vars(BatchSpecs) if not name.startswith("_"))
