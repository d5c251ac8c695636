"""What an auditor and an operator ask of a Paymaster: export heads, verify, back up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from .engine.mark import Mark
from .looking import Looking
from .model.errors import GatewayCoreError
from .model.people import differ
from .store import backup as copying
from .store import heads, opening, verifying
from .store.backup import BackupReport
from .store.findings import Verification

log = logging.getLogger(__name__)
Progress = Callable[[int], None]


def quiet(count: int) -> None:
    """No progress shown."""


class Auditing(Looking):
    """The part of `Paymaster` that looks at the journal itself."""

    @property
    def heads_file(self) -> Path:
        """Where the journal's heads are exported by themselves: at each approval, close, and end of a session."""
        # Named like the mark, by identity and address: a copy of the store goes its own way with its own heads.
        return Mark(self.configuration.mark_dir, self._store).path.with_suffix(".heads.jsonl")

    def export_heads(self, path: Path) -> int:
        """Append the journal's heads to a file that others keep. Returns how many were new. Raises OSError."""
        return heads.export_heads(self._store, path, self.configuration.signing_key())

    def _heads_out(self) -> None:
        """What was done is done: an export that fails undoes nothing, and `verify` tells what no head covers."""
        try:
            self.export_heads(self.heads_file)
        except (OSError, GatewayCoreError) as error:
            log.warning("the heads were not exported to %s: %s", self.heads_file, error)

    def verify(self, heads: Path | None = None, *, progress: Progress = quiet) -> Verification:
        """Check the store against heads exported earlier (by default this machine's own), and its states against facts.

        Where the configuration has a signing key, only heads that it signed are trusted.
        """
        key = self.configuration.signing_key()
        if heads is None and self.heads_file.exists():
            heads = self.heads_file
        public = key.public_key() if key else None
        return verifying.verify(self._store, heads, public, progress, self._photograph)

    @property
    def _photograph(self) -> Callable[[str], bool] | None:
        """What says of a digest whether that photograph lies unchanged in its folder; None: nobody knows where."""
        return None

    def backup(self, target: Path) -> BackupReport:
        """Copy a SQLite store consistently to a new file, also while a sender works. Raises StoreError."""
        return copying.backup(self._store, target)

    def restored(self, *, by: str, second: str) -> int:
        """Two people say that the store is an older one: every open payment is asked about before its next send, and so
        is every new one, until two people say `restore_over`. Returns how many are open.
        """
        differ(by, second, "said so first")
        opening.note_restored(self._store, f"{by}, {second}")
        count = opening.restored(self._store, by, second)
        heads.set_aside(self.heads_file)
        Mark(self.configuration.mark_dir, self._store).reset(*opening.newest(self._store))
        return count

    def restore_over(self, *, by: str, second: str) -> None:
        """Two people say that all that was sent between backup and restore is known again.

        New payments go without being asked about first; those that were open at the restore are still asked about.
        """
        differ(by, second, "said so first")
        opening.note_restored(self._store, "")
