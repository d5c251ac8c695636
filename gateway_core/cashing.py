"""What a Paymaster does with cash: payment points, pay lists, proofs of officers' phones, and the counting of cash."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from .cash import accounts, deciding, indexing, papers, sealing, stations
from .cash.accounts import Account
from .cash.deciding import Decided
from .cash.gateway import CashGateway
from .cash.paper import PaperSettings, print_list
from .cash.pay_list import PayList
from .cash.phone import write_list
from .cash.photos import Shelf
from .cash.reviewing import ProofView, Reviewer
from .cash.stations import Device, Manager, Point, PointPolicy
from .cash.taking import Submitted, Taking
from .contract.policies import Policies
from .lifecycle.cycles.limits import LimitPolicy
from .lifecycle.intake import Assigner
from .model.errors import WrongState
from .model.people import normal
from .settling import Settling
from .store import answers, cash, cycles, payrolls


class Cashing(Settling):
    """The part of `Paymaster` that is about cash."""

    # -- who pays where ------------------------------------------------------------------------------------------------

    def set_point(self, point: Point, *, by: str) -> None:
        """Say what a payment point is from now on. Raises InvalidPayroll with every mistake."""
        normal(by)
        stations.keep_point(self._store, point, by)

    def set_manager(self, manager: Manager, *, by: str) -> None:
        """Say who runs payment points: a person, an organisation, a provider. Raises InvalidPayroll."""
        normal(by)
        stations.keep_manager(self._store, manager, by)

    def points(self, *, group: str = "", location: str = "") -> list[Point]:
        """Every payment point; or those that serve a group or a location, suspended ones left out."""
        return stations.serving(self._store, group, location) if group or location else stations.points(self._store)

    def set_device(self, device: Device, *, by: str) -> None:
        """Say whose a phone is, and which key signs what it sends. Raises InvalidPayroll."""
        normal(by)
        stations.keep_device(self._store, device, by)

    def devices(self) -> list[Device]:
        """The phones that are known."""
        return stations.devices(self._store)

    def managers(self) -> list[Manager]:
        """Who runs payment points."""
        return stations.managers(self._store)

    def _assigning(self) -> Assigner | None:
        """Gives rows of a payroll that name no payment point the one that serves them; None where cash is not paid."""
        if not self._cash_channels:
            return None
        with self._store.read() as connection:
            return Assigner(cash.places(connection, cash.POINT))

    # -- lists and proofs ----------------------------------------------------------------------------------------------

    def lists(self, payroll: str | None = None) -> list[Account]:
        """The issued pay lists of every payroll, or one, each with its cash: handed out = paid + returned."""
        self._catch_up()
        with self._store.read() as connection:
            of = payrolls.get(connection, payroll).id if payroll else ""
            return [accounts.account(connection, document) for document in cash.documents(connection, of)]

    def pay_list(self, name: str) -> Account:
        """One issued list with its cash, by the id on its paper. Raises NotFoundError."""
        self._catch_up()
        with self._store.read() as connection:
            return accounts.account(connection, cash.find(connection, name))

    def export_list(self, name: str, path: str | Path) -> None:
        """Write an issued list: to print (.pdf), as a sheet (.xlsx, .csv), or for a phone (.zip, signed with the
        configuration's `signing_key`). Logo and columns are the channel's settings, fonts the configuration's.
        """
        with self._store.read() as connection:
            channel = cash.find(connection, name).channel
        self._written(papers.issued(self._store, name), Path(path), channel)

    def preview_lists(self, payroll: str, folder: str | Path, *, channel: str = "", kind: str = "pdf") -> int:
        """Write what would be issued now into a folder, marked as drafts: nobody pays by these. Returns how many."""
        over, count = self._cash_channel(channel), 0
        Path(folder).mkdir(parents=True, exist_ok=True)
        for draft in papers.drafts(self._store, payroll, over, self._cash(over)):
            self._written(draft, Path(folder) / f"{draft.id}-{draft.point}.{kind}", over)
            count += 1
        return count

    def _written(self, pay_list: PayList, path: Path, channel: str) -> None:
        if path.suffix.lower() == ".zip":
            write_list(path, pay_list, self.configuration.signing_key())
            return
        said = self._cash(channel).settings
        given: dict[str, Any] = {"columns": tuple(said.columns)} if said.columns else {}
        given |= {"logo": Path(said.logo)} if said.logo else {}
        print_list(pay_list, path, PaperSettings(fonts=self.configuration.fonts, **given))

    def submit_proofs(self, proofs: str | Path | bytes, *, by: str, channel: str = "", name: str = "") -> Submitted:
        """Take what officers' phones recorded: an archive of theirs, a folder of such, or bare records (JSON
        Lines; also their bytes). Photographs are drawn anew and kept; records are kept as they came, then read. The
        same again changes nothing, any order will do. `channel` may be left out where there is one for cash.

        Raises ParcelRefused with every mistake of an archive, WrongState where records cannot be read. That an archive
        was refused is a fact (`events("refused-proofs")`); the others of a folder are taken first.
        """
        normal(by)
        over, done = self._cash_channel(channel), Submitted()

        def keep(called: str, records: bytes | Path) -> None:
            # Behind the gate of proofs already: who gives these in need not be one who reconciles.
            view = self._import_statement(over, records, by, name or called, answers.NEW)
            done.arrivals.append(view.id)
            done.new += view.applied
            done.strays += view.strays

        if isinstance(proofs, bytes):
            keep("records.jsonl", proofs)
        else:
            Taking(self._store, over, lambda: self._photos(over), keep, by, done).take(Path(proofs))
        done.records = self._catch_up()
        return done

    def proofs(self, name: str, *, after: str = "", size: int = 200, undecided: bool = False) -> list[ProofView]:
        """A page of the records of a list, after the id `after`, each with the flags that a checker must look at."""
        self._catch_up()
        return self._reviewer().listed(name, after, size, undecided)

    def accept_proofs(self, name: str, *, by: str, reason: str = "", only: Collection[str] = ()) -> Decided:
        """The checker accepts the proofs of a list that no flag speaks against: their payments are paid. Flagged ones
        are accepted by their ids (`only`), with a reason. Raises MakerIsChecker for who paid out or gave them in.
        """
        normal(by)
        self._catch_up()
        with self._permitted("accept proofs", by, name):
            return deciding.accept(self._store, name, by, reason, only, self._reviewer())

    def reject_proofs(self, name: str, *, by: str, reason: str, only: Collection[str]) -> Decided:
        """The checker says that these are no proofs: their lines are as before."""
        normal(by)
        self._catch_up()
        with self._permitted("reject proofs", by, name):
            return deciding.reject(self._store, name, by, reason, only)

    # -- the cash ------------------------------------------------------------------------------------------------------

    def count_list(
        self, name: str, *, by: str, how: str, handed_out: int, returned: int, devices: Mapping[str, int] | None = None,
        reason: str = "",
    ) -> Account:  # fmt: skip
        """The first of two people: the cash of a list is counted (minor units), and nothing more can be paid by it:
        all records of its `devices` came ({device: its last number}), the `paper` is back, or it is `lost`. Raises
        MakerIsChecker for an officer of the list.
        """
        normal(by)
        self._catch_up()
        with self._permitted("count a list", by, name):
            return sealing.count(
                self._store, name, by, how=how, handed_out=handed_out, returned=returned, devices=devices or {},
                reason=reason,
            )  # fmt: skip

    def seal_list(self, name: str, *, by: str) -> Account:
        """The second person agrees: what nobody proved was not collected, and its payment is refused. Raises WrongState
        where handed out is not paid + returned, MakerIsChecker for who counted, an officer of the list, or who gave its
        proofs in. Can be repeated after a crash.
        """
        normal(by)
        self._catch_up()
        with self._permitted("seal a list", by, name):
            return sealing.seal(self._store, name, by)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _cash_channels(self) -> tuple[str, ...]:
        return self.configuration.channels_of(CashGateway)

    def _cash_channel(self, name: str) -> str:
        if name:
            self._cash(name)
            return name
        names = self._cash_channels
        if len(names) != 1:
            raise WrongState(f"say which channel: {', '.join(names)}" if names else "no channel for cash is configured")
        return names[0]

    def _catch_up(self) -> int:
        """What arrived meanwhile is in the table of records; returns how many records that was."""
        channels = self._cash_channels
        return indexing.catch_up(self._store, channels) if channels else 0

    def _photos(self, channel: str) -> Path:
        """Where photographs lie: as configured, or beside a SQLite store."""
        if said := self._cash(channel).settings.photos:
            return Path(said)
        if self._store.file is None:
            raise WrongState(f"channels.{channel}.photos is missing: say in which folder photographs are kept")
        return self._beside(self._store.file)

    @property
    def _photograph(self) -> Callable[[str], bool] | None:
        """In one of the folders of the channels for cash, or beside the store."""
        given = {Path(said) for name in self._cash_channels if (said := self._cash(name).settings.photos)}
        beside = [] if self._store.file is None else [self._beside(self._store.file)]
        shelves = [Shelf(folder) for folder in (*sorted(given), *beside)]
        return (lambda sha256: any(shelf.whole(sha256) for shelf in shelves)) if shelves else None

    @staticmethod
    def _beside(store: Path) -> Path:
        return store.with_name(store.name + ".photos")

    def _reviewer(self) -> Reviewer:
        zones = {name: self._cash(name).zone for name in self._cash_channels}
        return Reviewer(self._store, zones, self.configuration.policies().check_payments)

    def _policies(self) -> Policies:
        """The host's, and ours: about limits, where there are any, and about payment points where cash is paid."""
        channels = {name: self._cash(name).settings.days for name in self._cash_channels}
        ours: list[tuple[str, Any]] = [("payment points", PointPolicy(self._store, channels))] if channels else []
        limits = self.configuration.max_amounts()
        with self._store.read() as connection:
            if limits or cycles.listed(connection):
                ours.append(("the limits", LimitPolicy(self._store, limits)))
        return self.configuration.policies(*ours)

    def _cash(self, name: str) -> CashGateway:
        gateway = self.configuration.channel(name).gateway
        if not isinstance(gateway, CashGateway):
            raise WrongState(f"channel {name!r} does not pay in cash")
        return gateway
