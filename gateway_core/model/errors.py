"""Every error a caller can meet, drawn as a tree.

    GatewayCoreError
    ├── ConfigurationError      the configuration cannot be used: key, reason, mend
    │   └── ConfigurationErrors several of them, all that were found in one reading
    ├── InvalidPayroll          a payroll that cannot be proposed: every mistake at once
    ├── NotPermitted            the person may not do this
    │   └── MakerIsChecker      the same person did the other half
    ├── WrongState              the payroll or payment is not where this step begins
    ├── NotFoundError           no such payroll, payment, case or channel
    ├── ObjectionsStand         approval refused: objections that nobody released
    ├── Altered                 what is stored is not what was approved (law 5)
    ├── StoreError              the store cannot be used: missing, foreign, of another schema
    │   ├── StoreUncertain      a COMMIT raised: it may or may not be on disk; reopen
    │   └── RestoredStore       the store is older than the last thing sent from it
    ├── SenderBusy              another process sends from this store
    └── GatewayHangs            a plugin's code does not return and cannot be interrupted

A payment that is refused, pending or unknown is never an exception: it is a state.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


class GatewayCoreError(Exception):
    """Base of every error raised on purpose."""


@attrs.frozen
class Mistake:
    """One thing wrong with an input, and how to mend it. `line` is 1-based in the file (0: the whole file)."""

    line: int
    field: str
    reason: str
    mend: str
    code: str = "invalid"

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else "file"
        return f"{where}: {self.field}: {self.reason}; {self.mend}"


class ConfigurationError(GatewayCoreError):
    """The configuration cannot be used. `key` is dotted, as in `channels.mtn.base_url`."""

    def __init__(self, key: str, reason: str, mend: str) -> None:
        super().__init__(key, reason, mend)
        self.key, self.reason, self.mend = key, reason, mend

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}; {self.mend}"

    @property
    def all(self) -> tuple[ConfigurationError, ...]:
        """Every problem that was found, so that a caller shows one or many by the same loop."""
        return (self,)


class ConfigurationErrors(ConfigurationError):
    """Several problems of one configuration; `key`, `reason` and `mend` are the first's, `all` holds each."""

    def __init__(self, problems: Sequence[ConfigurationError]) -> None:
        first = problems[0]
        super().__init__(first.key, first.reason, first.mend)
        self.args = (tuple(problems),)
        self._problems = tuple(problems)

    def __str__(self) -> str:
        lines = "\n".join(f"  {problem}" for problem in self._problems)
        return f"{len(self._problems)} problems in the configuration:\n{lines}"

    @property
    def all(self) -> tuple[ConfigurationError, ...]:
        """Every problem that was found."""
        return self._problems


class InvalidPayroll(GatewayCoreError):
    """The payroll has mistakes; nothing was written. `more` counts mistakes beyond those listed."""

    def __init__(self, mistakes: Sequence[Mistake], more: int = 0) -> None:
        total = len(mistakes) + more
        super().__init__(f"{total} mistake{'s' if total != 1 else ''}: " + "; ".join(map(str, mistakes[:3])))
        self.mistakes, self.more = tuple(mistakes), more


class NotPermitted(GatewayCoreError):
    """The person may not do this."""


class MakerIsChecker(NotPermitted):
    """Maker and checker must be two people (law 6)."""


class WrongState(GatewayCoreError):
    """The step does not begin in this state."""


class NotFoundError(GatewayCoreError):
    """No payroll, payment, case or channel of that name."""


class ObjectionsStand(GatewayCoreError):
    """Approval refused: objections stand that two people have not released."""

    def __init__(self, count: int, first: str) -> None:
        super().__init__(f"{count} objection{'s' if count != 1 else ''} stand{'s' if count == 1 else ''}: {first}")
        self.count = count


class Altered(GatewayCoreError):
    """Stored lines differ from what was approved (law 5)."""


class StoreError(GatewayCoreError):
    """The store cannot be used as it is."""


class StoreUncertain(StoreError):
    """A COMMIT raised: what it held may or may not be on disk. Every call is refused until the store is reopened."""


class RestoredStore(StoreError):
    """The store is behind the sender's mark, or has none here: a backup, a copy, or a failover that lost commits."""


class SenderBusy(GatewayCoreError):
    """Another process is the sender of this store."""


class GatewayHangs(GatewayCoreError):
    """A plugin's code does not return and cannot be interrupted. The process has to end; nothing sent is lost."""
