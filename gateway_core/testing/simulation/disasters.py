"""What happens to a whole machine, or a whole rail: a clock is set, an old backup put in place, a rail goes down."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from .home import AnyHome
from .lanes import DOWN, Net
from .marking import SimMark
from .shape import Shape
from .steps import SECOND, Stage
from .watch import Watch

JUMP_TIMES = (0.06, 1.0, 30.0, 200.0)
JUMPS = (3_600, -3_600, 90, -90, 7_200)
# Before anything was sent, between two steps, or in the midst of things.
BACKUP_TIMES = (0.0, 0.012, 0.06, 0.3, 5.0, 60.0)
# The last one: when people have long decided what became of everything.
RESTORE_TIMES = (1.0, 0.1, 40.0, 400.0, 4_000.0)
OUTAGE_TIMES = (0.0, 0.06, 60.0)
# So long that a sender gives up asking, or so short that it asks again.
OUTAGES = (600, 60)


@attrs.define
class Disasters:
    """`gone` is called when the store was replaced: all processes are dead, and what was known since is lost."""

    stage: Stage
    shape: Shape
    home: AnyHome
    net: Net
    mark: SimMark | None
    watch: Watch
    gone: Callable[[], None]
    restored: bool = False

    def open(self) -> None:
        """Draw what will happen, and when."""
        tape, shape = self.stage.tape, self.shape
        for number in range(2):
            if shape.jumps and tape.chance(f"the clock is set, {number + 1}", shape.jumps):
                at = tape.pick(JUMP_TIMES, "at seconds", 0.8)
                self.stage.after(int(at * SECOND), partial(self._jump, tape.pick(JUMPS, "by seconds", 0.8)))
        if shape.outages and tape.chance("the rail goes down", shape.outages):
            at = int(tape.pick(OUTAGE_TIMES, "down at seconds", 0.6) * SECOND)
            self.stage.after(at, partial(self._down, tape.pick(DOWN, "while it is down", 0.6)))
            self.stage.after(at + tape.pick(OUTAGES, "down for seconds", 0.4) * SECOND, partial(self._down, ""))
        if shape.restored and tape.chance("an old backup is put in place", shape.restored):
            at = int(tape.pick(BACKUP_TIMES, "backed up at seconds", 0.8) * SECOND)
            after = int(tape.pick(RESTORE_TIMES, "put in place after seconds", 0.8) * SECOND)
            self.stage.after(at, self._back_up)
            self.stage.after(at + after, self._put_back)

    def calm(self) -> None:
        """Somebody sets the clock right."""
        self.stage.skew = 0

    def _jump(self, by: int) -> None:
        self.stage.skew += by * SECOND

    def _down(self, how: str) -> None:
        self.net.down = how

    def _back_up(self) -> None:
        self.home.raw.execute("SAVEPOINT backup")

    def _put_back(self) -> None:
        raw = self.home.raw
        raw.execute("ROLLBACK TO backup")
        raw.execute("RELEASE backup")
        self.restored = True
        if self.mark is not None:
            # What was written before the backup and left after it is known to the store: it will be asked about.
            self.mark.unseen = self.watch.outran()
            if self.stage.tape.chance("the copy lies elsewhere", 0.3):
                self.mark.lose()
        self.gone()
