"""One world: the real store, driver and officers' code on a stage, with a provider, a wire and people of its own.

Small and varied: its shape is drawn from the tape too. Faults last until CALM; then everything must come to an end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import attrs

from ...contract.channel import Channel, Pace
from ...contract.replies import Arrival
from ...engine.callbacks import CallbackApp
from ...model.errors import StoreError
from ...model.moments import as_time
from ...store import clock
from .chance import Tape
from .cron import Cron
from .desk import Desk
from .disasters import Disasters
from .faces import PlainFace, Rail
from .home import CHANNEL, COMMITS, EPOCH, AnyHome, Kind, OneConnection
from .lanes import Net
from .marking import SimMark
from .office import Office
from .oracles import HINT, End, at_the_end
from .provider import Provider
from .rails import channel, promising
from .rows import Row, approved_lines
from .shape import Shape as Shape
from .steps import SECOND, Endless, Stage
from .watch import Violation, Watch

CALM = 900 * SECOND
HORIZON = 60_000 * SECOND


class World:
    """Runs one schedule. `run` returns the rows at the end, or raises Violation."""

    def __init__(self, home: AnyHome, tape: Tape, shape: Shape | None = None, rail: Rail | None = None) -> None:
        self.tape = tape
        self.shape = shape or Shape.drawn(tape)
        self.stage = Stage(tape, EPOCH)
        self.channel = self._channel() if rail is None else _of_plugin(rail, self.shape.concurrency)
        if rail is not None:
            self.shape = _as_promised(self.shape, self.channel)
        s = self.shape
        home.move_in(Kind(s.payments, s.missing, self.channel.fingerprint, s.again))
        self.home = home
        self.acked: list[tuple[str, bytes, str]] = []
        face = PlainFace() if rail is None else rail.face
        self.watch = Watch(home.raw, approved_lines(home.raw), face, self.channel.secrets())
        window = int(s.window * SECOND) + MARGIN
        self.provider = Provider(self.stage, face, s.dedupes, window, s.callbacks, s.odds, self.calm, self._call)
        self.net = Net(self.stage, self.provider, self.watch, s.odds)

    @property
    def visits(self) -> int:
        """How many runs of senders there were."""
        return self.cron.visits

    def _channel(self) -> Channel:
        s = self.shape
        return promising(
            _channel(CHANNEL, three_asks=s.three_asks), dedupes=s.dedupes, finds_out=s.finds_out,
            callbacks=s.callbacks, longest_request=s.longest_request, dedupe_window=s.window,
            max_concurrency=s.concurrency,
        )  # fmt: skip

    def calm(self) -> bool:
        """Faults are over."""
        return self.stage.now > CALM

    def run(self) -> list[Row]:
        """The whole schedule."""
        with clock.stepped(self.stage.clock):
            self._begin()
            try:
                self.stage.run(HORIZON)
            except Violation:
                raise
            except Endless as error:
                raise Violation("11", str(error)) from error
            except Exception as error:
                raise Violation("10", f"the engine raised {type(error).__name__}: {error}") from error
            finally:
                self.cron.end_all()
            quiet = not any(self.tape.choices) and not self.shape.again
            careless = frozenset(self.office.careless)
            end = End(
                self.home.raw,
                self.provider.ledger,
                self.acked,
                careless,
                quiet,
                self.disasters.restored,
                self.shape.finds_out,
            )
            return at_the_end(end)

    def _begin(self) -> None:
        """Everybody takes their places."""
        mark = SimMark() if self.shape.restored else None
        self._receive()
        self.cron = Cron(
            self.stage, self.shape, self.channel, self.net, self.open_store, self.calm, mark, self._restored
        )
        if mark is not None:
            mark.of(self.cron.stores[0]).reset(0, 0, b"")
        self.office = Office(self.stage, self.net, self.home.raw, self.open_store, self.cron)
        self.disasters = Disasters(self.stage, self.shape, self.home, self.net, mark, self.watch, self._gone)
        self._mark = mark
        self.office.open(self.shape.busy_officer)
        self.disasters.open()
        self.stage.after(CALM, self.disasters.calm)
        if self.shape.closes:
            Desk(self.stage, self.home.raw, self.channel, self.cron).open()

    # -- the store ----------------------------------------------------------------------------------------------------

    def open_store(self) -> OneConnection:
        """The store as one more process opens it."""
        store = self.home.opened()
        if self.shape.commit_odds:
            store.commits = self._fate
        return store

    def _fate(self) -> str:
        return COMMITS[0] if self.calm() else self.tape.pick(COMMITS, "a COMMIT", self.shape.commit_odds)

    def _restored(self) -> None:
        assert self._mark is not None
        self.office.say_restored(self._mark)

    def _gone(self) -> None:
        """What came in since the backup is lost with everything else."""
        self.watch.left.clear()
        stored = {bytes(body) for (body,) in self.home.raw.execute("SELECT body FROM blobs")}
        self.acked = [said for said in self.acked if said[1] in stored]
        self._receive()
        self.office.begin_again()
        self.cron.reopen()

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        self._app = CallbackApp(self.open_store(), {CHANNEL: self.channel}, self.stage.clock)

    def _call(self, body: bytes, headers: dict[str, str], says: str, after: int) -> None:
        self.stage.after(after, partial(self._deliver, body, headers, says, 0))

    def _deliver(self, body: bytes, headers: dict[str, str], says: str, tries: int) -> None:
        """The rail calls back; without a 2xx it tries again, for a while."""
        fate = FATES[0] if self.calm() else self.tape.pick(FATES, "callback", self.shape.odds)
        if fate != "lost on the way":
            fate = self._stored(body, headers, says, fate)
            self.cron.wake()
        if fate != FATES[0] and tries < 8:
            again: Callable[[], None] = partial(self._deliver, body, headers, says, tries + 1)
            self.stage.after(5 * SECOND << tries, again)

    def _stored(self, body: bytes, headers: dict[str, str], says: str, fate: str) -> str:
        arrival = Arrival("POST", "/", headers, body, as_time(self.stage.clock()))
        about = self.channel.parse_callback(arrival)
        try:
            (kept,) = self._app._keep([(self.channel, arrival, about)])
        except StoreError:
            self._receive()
            return "answered 500"
        if kept and fate == FATES[0] and about:
            self.acked.append((about.key, body, says if about.authentic else HINT))
        return fate


# One for each rail: there is one world at a time, and what is promised in it is said anew.
_channel = lru_cache(2)(channel)
# A rail that promises to honour keys for a while does so for a little longer: a copy takes its time to land.
MARGIN = 200 * SECOND
FATES = ("stored", "lost on the way", "stored, its answer is lost")


@lru_cache(16)
def _of_plugin(rail: Rail, lanes: int) -> Channel:
    gateway = rail.gateway()
    return Channel(CHANNEL, gateway, pace=Pace(max_concurrency=min(lanes, gateway.capabilities.max_concurrency)))


def _as_promised(shape: Shape, channel: Channel) -> Shape:
    """The world of a plugin's rail: what the gateway declares is true of it."""
    c = channel.capabilities
    return attrs.evolve(
        shape, three_asks=False, dedupes=c.dedupes, finds_out=c.finds_out, callbacks=shape.callbacks and c.callbacks,
        longest_request=c.longest_request, window=c.dedupe_window,
    )  # fmt: skip
