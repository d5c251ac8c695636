"""Laws of every hook, of any rail: what it may touch, and what of it may be seen."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

from .judging import Judged
from .laws import broken, law
from .traps import Kind


class PureLaws(Judged):
    """No chance, no clock, no world, no secret."""

    def _slips(self, kind: Kind) -> None:
        self.once("tour")
        slips = self.once("bench").watch.slips
        found = list(dict.fromkeys(str(slip) for slip in slips if slip.kind == kind))
        if found:
            broken("; ".join(found[:3]))

    @law()
    def test_ids_come_from_the_context(self) -> None:
        """No hook draws lots: ids come from `ctx.new_id`.

        Why: after a crash the flow runs again. A random key is another key then: the rail takes it for another
        payment, and the person is paid twice. (Random keys paid 1,070 of 3,000 twice when senders were killed.)

        Mend: take every id from `ctx.new_id("label")`: it is the same for ever for this payment, attempt and label.
        """
        self._slips("chance")

    @law()
    def test_time_comes_from_the_context(self) -> None:
        """No hook reads the clock: the time is `ctx.now`.

        Why: the request of a flow that runs again must be the one that was written down. One with another time in it
        is not, so that nothing is sent and the payment waits for people.

        Mend: use `ctx.now` in flows and `arrival.received_at` in parse_callback; fresh dates and signatures belong
        into `Gateway.auth()`, which is applied when sending.
        """
        self._slips("clock")

    @law()
    def test_a_hook_reaches_for_nothing(self) -> None:
        """No hook opens a socket, starts a process or writes a file: a flow yields what it wants to have asked.

        Why: what a flow sends by itself is not written down before it goes. After a crash nobody knows of it, and it
        goes again.

        Mend: yield an `Ask` and read its answer; tokens are fetched by the flow of `Gateway.auth()`.
        """
        self._slips("world")

    @law()
    def test_no_secret_is_written_down(self) -> None:
        """No secret stands in the journal, in a log, or in what a person is shown.

        Why: the store is copied, backed up and shown to auditors. Who reads a PIN or a key there can pay.

        Mend: put `Secret("pin")` into a request where a secret goes: it is filled in when sending. Tokens and
        signatures belong into `Gateway.auth()`. Never put `hidden.reveal()` into a request, an exception or a log.
        """
        tour, bench = self.once("tour"), self.once("bench")
        written = {"the log": tour.log.encode(), "repr(settings)": repr(bench.gateway.settings).encode()}
        written |= {path.name: path.read_bytes() for path in bench.setup.folder.rglob("*") if path.is_file()}
        for name, secret in bench.secrets.items():
            for where, found in written.items():
                if any(form in found for form in _forms(secret)):
                    broken(f"the secret {name!r} stands in {where}")


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield from (raw, quote(secret, safe="").encode(), raw.hex().encode())
    # In Base64 three alignments are possible; what is common to each is looked for.
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)
        yield coded[4 if before else 0 : len(coded) // 4 * 4 - 4]
