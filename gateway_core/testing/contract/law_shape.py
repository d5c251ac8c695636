"""The first law: it can be loaded, and what it declares goes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...channels.plugins import fault
from ...contract.gateway import Capabilities, Gateway
from ...model.errors import ConfigurationError
from .judging import Judged
from .laws import broken, law

# A shorter one would be found by chance in what is written down.
SECRET = 8


class ShapeLaws(Judged):
    """Before anything else."""

    @law()
    def test_it_can_be_loaded(self) -> None:
        """The core can load the gateway, open a channel with these settings, and rely on what it declares.

        Why: a plugin that fails here is refused at the start of every installation that names it, with one sentence;
        a capability that is declared by halves lets the core do what the rail does not bear.

        Mend: do what the sentence says; name, contract, settings and capabilities are class attributes of the
        gateway.
        """
        gateway = self.gateway
        name = getattr(gateway, "name", None)
        if not isinstance(name, str):
            broken(f"the gateway's name is {name!r}: a gateway has the name that a configuration calls it by")
        if why := fault(gateway, name):
            broken(why)
        try:
            bench = self.once("bench")
            channel = bench.channel()
        except ConfigurationError as error:
            broken(str(error))
        said = [*_halves(channel.capabilities, gateway), *_short(bench.secrets)]
        if said:
            broken("; ".join(said))


def _halves(c: Capabilities, gateway: type[Gateway[Any]]) -> Iterator[str]:
    calls = gateway.parse_callback is not Gateway.parse_callback
    rules = (
        (c.dedupes and c.dedupe_window <= 0, "dedupes is declared without a dedupe_window: for how long is it true?"),
        (c.callbacks and not calls, "callbacks are declared, but there is no parse_callback"),
        (c.max_concurrency < 1, "max_concurrency is less than 1"),
        (c.ask_limit < 1, "ask_limit is less than 1"),
        (c.ask_at_most < c.ask_after, "ask_at_most is less than ask_after"),
        (min(c.settle, c.ask_after, c.patience, c.longest_request) < 0, "a time is negative"),
    )
    return (said for wrong, said in rules if wrong)


def _short(secrets: Mapping[str, str]) -> Iterator[str]:
    for name, value in secrets.items():
        if len(str(value)) < SECRET:
            yield f"the test's secret {name} has fewer than {SECRET} characters: give a longer one in `settings`"
