"""While a large file is read, cycles are looked for seldom: what is made for a line goes with the line, without any.

Python's collector would otherwise walk over everything that the program has, again and again: a tenth of the work.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# So many objects more than before, not 700, before the youngest of them are looked at.
OBJECTS = 100_000
_lock = threading.Lock()
_inside = 0
_before = gc.get_threshold()


@contextmanager
def calm() -> Iterator[None]:
    """Several may be inside, on any thread; the last one to leave puts the host's own thresholds back."""
    global _inside, _before
    with _lock:
        if not _inside:
            _before = gc.get_threshold()
            # A host that has switched it off keeps it off.
            gc.set_threshold(max(OBJECTS, _before[0]) if _before[0] else 0, *_before[1:])
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.set_threshold(*_before)
