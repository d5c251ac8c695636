"""What a Paymaster does before there is a payroll: programmes and cycles, generating invoices, and the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from .cashing import Cashing
from .lifecycle import intake
from .lifecycle.cycles import generating, keeping, selecting
from .lifecycle.cycles.filling import FILLED, Calculation, Filler, calculated
from .lifecycle.cycles.filters import read_filters
from .lifecycle.cycles.generating import Generated
from .lifecycle.cycles.keeping import CycleView
from .lifecycle.cycles.pool import Pooled, cycles_in, pooled
from .lifecycle.cycles.selecting import Part, Split
from .lifecycle.cycles.terms import Terms
from .model.beneficiary import Beneficiary, Item
from .model.errors import ConfigurationError, InvalidPayroll, NotFoundError, WrongState
from .model.money import AmountError, Money, parse_amount
from .model.people import normal
from .store import cycles as stored

Where = Sequence[str] | Mapping[str, str | Sequence[str]]


@attrs.frozen
class Selected:
    """A payroll made, or to be made (`payroll` ''), of what was chosen from the pool."""

    payroll: str
    name: str
    channel: str
    lines: int
    total: Money


class Cycling(Cashing):
    """The part of `Paymaster` that is about programmes and cycles. An address is PROGRAMME, or PROGRAMME/CYCLE."""

    _propose: Callable[..., str]
    _rules: Callable[..., intake.Rules]

    # -- programmes and cycles ----------------------------------------------------------------------------------------

    def set_programme(self, name: str, *, by: str, **terms: Any) -> CycleView:
        """Make a programme, or give it other terms (all of them: what is not said is taken back).

        Terms: starts, ends, currency, amount, amounts, minimum, maximum, calculation, channel, tags, caps, rules.
        Amounts are text, such as "500.00". Raises ConfigurationErrors with all that is wrong with them.
        """
        return self._set(name, "", by, terms)

    def set_cycle(self, programme: str, name: str, *, by: str, **terms: Any) -> CycleView:
        """Make a payment cycle of a programme, or give it other terms. What it does not say, its programme does."""
        return self._set(programme, name, by, terms)

    def _set(self, programme: str, name: str, by: str, terms: Mapping[str, Any]) -> CycleView:
        normal(by)
        if channel := terms.get("channel"):
            self.configuration.channel(str(channel))
        address = f"{programme}/{name}" if name else programme
        keeping.keep(self._store, address, by, terms)
        return self.cycle(address)

    def cycle(self, address: str) -> CycleView:
        """One programme, or one cycle."""
        with self._store.read() as connection:
            return keeping.view(stored.get(connection, address))

    def programmes(self) -> list[CycleView]:
        """Every programme."""
        return [view for view in keeping.views(self._store) if not view.cycle]

    def cycles(self, programme: str = "") -> list[CycleView]:
        """Every cycle, or those of one programme."""
        return [view for view in keeping.views(self._store, programme) if view.cycle]

    def suspend(self, address: str, *, by: str, reason: str) -> None:
        """Propose, approve and send nothing of a programme or cycle; what was sent is still asked about."""
        normal(by)
        keeping.suspend(self._store, address, by, reason)

    def activate(self, address: str, *, by: str, reason: str = "") -> None:
        """Let a suspended programme or cycle go on."""
        normal(by)
        keeping.activate(self._store, address, by, reason)

    # -- generating ---------------------------------------------------------------------------------------------------

    def generate(
        self, cycle: str, beneficiaries: Iterable[Beneficiary] | str | Path, *, by: str, replace: str = "",
        progress: Callable[[int], None] = lambda count: None, **reading: Any,
    ) -> Generated:  # fmt: skip
        """Make a cycle's invoices, by its rules, into the pool: of objects, or of a CSV or JSON Lines file.

        The same again changes nothing. One that would differ is a mistake that says what differs, unless `replace` says
        why it takes the first one's place. Raises InvalidPayroll with every mistake; then nothing was written.
        """
        normal(by)
        with self.preview(cycle, beneficiaries, **reading) as taken:
            if taken.mistakes:
                raise InvalidPayroll(taken.mistakes, taken.more)
            return generating.generate(self._store, cycle, taken, by, replace.strip(), progress)

    def preview(self, cycle: str, beneficiaries: Iterable[Beneficiary] | str | Path, **reading: Any) -> intake.Taken:
        """What `generate` would make, and every mistake; writes nothing. The caller closes what it gets."""
        with self._store.read() as connection:
            terms = keeping.terms_of(connection, cycle)
        programme, name = stored.split(cycle)
        if not name:
            raise WrongState(f"{cycle!r} is a programme; invoices are generated in a cycle, PROGRAMME/CYCLE")
        if not terms.currency:
            raise ConfigurationError(f"{cycle}: currency", "is missing", "give the cycle, or its programme, a currency")
        fill = Filler(programme, name, terms, self._calculation(programme, name, terms))
        channel = terms.channel or next(iter(self.configuration.channel_names), "")
        rules = self._rules(channel, reading.pop("control_total", None), reading.pop("control_count", None), **reading)
        # Which channel pays where the cycle names none is known at the proposal; its limit is looked at there.
        limits = rules.channels if terms.channel else {**rules.channels, channel: None}
        return intake.read(
            beneficiaries,
            attrs.evolve(rules, channels=limits, fill=lambda rows: fill((rules.fill or iter)(rows)), filled=FILLED),
        )

    def _calculation(self, programme: str, cycle: str, terms: Terms) -> Calculation | None:
        if not terms.calculation:
            return None
        policies, name = self.configuration.policies(), terms.calculation

        def ask(page: Sequence[Beneficiary]) -> Sequence[Sequence[Item] | str]:
            try:
                # As all policies, in a thread without a running event loop: Django's ORM refuses one.
                with ThreadPoolExecutor(1, "gateway-helper") as pool:
                    said = pool.submit(policies.calculate, name, programme, cycle, page).result()
                return calculated(said, len(page), name)
            except NotFoundError:
                raise
            except Exception as error:
                # Nobody is owed what somebody's code could not say.
                return [f"was not calculated: {name} failed: {type(error).__name__}: {error}"] * len(page)

        return ask

    # -- the pool -----------------------------------------------------------------------------------------------------

    def pool(self, cycle: str = "", *, where: Where = (), free: bool = True) -> Iterator[Pooled]:
        """Invoices that were generated and lie in no live payroll, of all cycles, a programme, or one cycle.

        `where`: filters, all of which must fit, such as ["district=north,south", "amount>=100.00"]. `free=False`: also
        those that lie in a payroll.
        """
        filters = read_filters(where)
        for row, terms in cycles_in(self._store, cycle):
            yield from (one for one in pooled(self._store, row, terms, filters) if one.free or not free)

    def propose_from_pool(
        self, name: str, cycle: str, *, by: str, where: Where = (), split_by: Sequence[str] = (), at_most: int = 0,
        at_most_amount: str = "", channel: str = "", channels: Mapping[str, str] | None = None, dry_run: bool = False,
        despite: str = "",
    ) -> list[Selected]:  # fmt: skip
        """Choose invoices from the pool and propose them: as one payroll, or split by fields' values and by size.

        Each goes over `channels[value]` of the field that it was split by, else `channel`, else its own or its cycle's.
        The same again is the same payrolls, and goes on where it was interrupted. `dry_run`: only says which.
        """
        normal(by)
        self._known([channel, *(channels or {}).values()])
        most = self._most(cycle, at_most_amount)
        split = Split(
            by=tuple(split_by), at_most=at_most, at_most_amount=most, channels=dict(channels or {}), channel=channel
        )
        with selecting.select(self._store, name, cycle, read_filters(where), split) as selection:
            return [
                self._chosen(part, "" if dry_run else self._proposed(selection, at, by, despite))
                for at, part in enumerate(selection.parts)
            ]

    def _known(self, channels: Sequence[str]) -> None:
        for channel in filter(None, channels):
            self.configuration.channel(channel)

    def _most(self, cycle: str, text: str) -> int:
        if not text:
            return 0
        (_, terms), *_ = cycles_in(self._store, cycle)
        try:
            return parse_amount(text, terms.currency).minor
        except AmountError as error:
            raise WrongState(f"at_most_amount: {error.reason}; {error.mend}") from error

    def _proposed(self, selection: selecting.Selection, at: int, by: str, despite: str) -> str:
        part = selection.parts[at]
        channel = part.channel or next(selection.invoices(at)).channel
        if not channel:
            raise WrongState(f"{part.name!r} has no channel: give one here, or to the cycle")
        return self._propose(part.name, selection.invoices(at), channel, by, despite, seen=selection.seen)

    @staticmethod
    def _chosen(part: Part, payroll: str) -> Selected:
        return Selected(payroll, part.name, part.channel, part.lines, part.money)
