"""What every kit has: what the author of any plugin gives, and how laws are judged: each once, after those it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ...contract.gateway import Gateway
from ...model.accounts import Account
from .laws import Law, LawBroken, Waits, laws_of


class Judged:
    """The author's side of every contract; see `GatewayContract` and `BatchContract`."""

    gateway: ClassVar[type[Gateway[Any]]]
    settings: ClassVar[Mapping[str, Any]] = {}
    currency: ClassVar[str] = "UGX"
    smallest: ClassVar[int] = 1

    def account(self, n: int) -> Account:
        """The n-th account of this rail's kind; each payment has one of its own."""
        return Account("wallet", f"w-kit-{n:04d}")

    def amount(self, n: int) -> int:
        """The n-th amount, in minor units: odd ones too, where the rail pays them."""
        return (1_234_567 + 1013 * n) // self.smallest * self.smallest

    # -- what the laws look at ----------------------------------------------------------------------------------------

    _evidence: ClassVar[dict[str, Any]]
    _verdicts: ClassVar[dict[str, BaseException | None]]

    @classmethod
    def teardown_class(cls) -> None:
        """Stop what was started for this class."""
        cls._verdicts.clear()
        cls._clear()

    @classmethod
    def _clear(cls) -> None:
        bench = cls._evidence.pop("bench", None)
        cls._evidence.clear()
        if bench is not None:
            bench.close()

    def set_up(self) -> Any:
        """The bench on which the plugin is tried: started at the first use, and stopped after the last test."""
        raise TypeError("a kit has a bench")

    def walk(self) -> Any:
        """What became of the payments that the bench made."""
        raise TypeError("a kit has a tour")

    def once(self, name: str) -> Any:
        """The bench or the tour, made at the first use. Where that fails, all is made anew, once: a machine may falter.

        What fails again is wrong: it is raised for every law that looks at it, and not tried any more.
        """
        if "failed" in self._evidence:
            raise self._evidence["failed"]
        if name not in self._evidence:
            make = self.set_up if name == "bench" else self.walk
            try:
                self._evidence[name] = make()
            except Exception:
                self._clear()
                self._evidence[name] = self._second(make)
        return self._evidence[name]

    def _second(self, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except Exception as error:
            self._clear()
            self._evidence["failed"] = error
            raise

    # -- judging ------------------------------------------------------------------------------------------------------

    def judged(self, about: Law) -> None:
        """Judge a law, as a test: raises AssertionError where it is broken, and skips where it cannot be judged."""
        __tracebackhide__ = True
        found = self.verdict(about)
        if isinstance(found, Waits):
            import pytest

            pytest.skip(str(found))
        if found is not None:
            raise found

    def verdict(self, about: Law) -> BaseException | None:
        """None: it holds. Otherwise LawBroken, Waits, or what went wrong while it was tried."""
        if about.name not in self._verdicts:
            self._verdicts[about.name] = self._tried(about)
        return self._verdicts[about.name]

    def verdicts(self) -> dict[str, BaseException | None]:
        """All laws of this rail, without pytest."""
        return {name: self.verdict(about) for name, about in laws_of(type(self)).items() if getattr(self, name)}

    def _tried(self, about: Law) -> BaseException | None:
        known = laws_of(type(self))
        for name in about.needs:
            found = self.verdict(known[name]) if getattr(self, name) else None
            if found is not None:
                first = str(found).removeprefix("waits for ") if isinstance(found, Waits) else name
                return Waits(f"waits for {first}")
        try:
            about.check(self)
        except Waits as waits:
            return waits
        except LawBroken as law:
            return LawBroken(f"{law}\n\nWhy this is a law: {about.why}\n\nMend: {about.mend}")
        except Exception as error:
            return error
        return None
