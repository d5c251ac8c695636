"""What every command is given: the options that all commands share, its output, and the store when it opens it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import attrs

from .output import Output

if TYPE_CHECKING:
    from ..channels import Configuration
    from ..paymaster import Paymaster
    from ..store import Store

CONFIG = "gateway.toml"
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


@attrs.define
class Desk:
    """`with Desk(...) as desk`: logging is set up, and what was opened is closed at the end."""

    config: Path = Path(CONFIG)
    store_url: str | None = None
    as_json: bool = False
    verbose: int = 0
    log_file: Path | None = None
    out: Output = attrs.field(init=False)
    _opened: Paymaster | None = attrs.field(init=False, default=None)
    _handlers: list[logging.Handler] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.out = Output(self.as_json)

    def configuration(self) -> Configuration:
        """The configuration, without opening its store."""
        from ..channels import load

        return load(self.config, self.store_url)

    def open(self, *, create: bool = False) -> Paymaster:
        """The Paymaster of this command, opened at the first call."""
        from ..paymaster import Paymaster

        if self._opened is None:
            self._opened = Paymaster.open(self.configuration(), create=create)
            self.out.test = self._opened.is_test
        return self._opened

    def store(self) -> Store:
        """The opened store itself, for what `Paymaster` has no face for: verifying, backups, receiving callbacks."""
        return self.open()._store

    def __enter__(self) -> Desk:
        logger = logging.getLogger("gateway_core")
        if self.log_file:
            self._add(logger, logging.FileHandler(self.log_file, encoding="utf-8"), logging.INFO)
        shown = {0: logging.WARNING, 1: logging.INFO}.get(self.verbose, logging.DEBUG)
        self._add(logger, logging.StreamHandler(), shown)
        return self

    def _add(self, logger: logging.Logger, handler: logging.Handler, level: int) -> None:
        handler.setFormatter(logging.Formatter(FORMAT))
        handler.setLevel(level)
        logger.addHandler(handler)
        logger.setLevel(min(level, logger.level or level))
        self._handlers.append(handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close_store()
        for handler in self._handlers:
            logging.getLogger("gateway_core").removeHandler(handler)
            handler.close()
