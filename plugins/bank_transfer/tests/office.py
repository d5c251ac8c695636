"""An office whose bank does what a test says about cancelling, and the files of one payroll that it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway_bank_transfer.cancelling import original
from gateway_bank_transfer.simulator.answers import Status, resolution
from gateway_bank_transfer.simulator.orders import cancellation, read

from gateway_core.paymaster import Paymaster

from .desk import Desk, imported
from .saying import whole


class Office:
    """A desk whose bank does what a test says, and the files of one payroll that it has."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.paymaster = Paymaster.open(desk.folder / "gateway.toml")

    def reopen(self) -> None:
        self.paymaster.close_store()
        self.paymaster = Paymaster.open(self.desk.folder / "gateway.toml")

    @property
    def file(self) -> str:
        return self.paymaster.documents()[0].name

    @property
    def out(self) -> Path:
        return self.desk.folder / "bank/out"

    def run(self) -> None:
        self.paymaster.run(wait=0.4)

    def ask(self, *only: str, code: str = "CUST", file: str = "") -> None:
        for by, agreed in (("amina", False), ("joseph", True)):
            given: dict[str, Any] = {"code": code, "reason": "left the programme", "only": only}
            assert self.paymaster.cancel_sent(file or self.file, by=by, **given) is agreed

    def requests(self) -> list[bytes]:
        """Those that lie in the bank's folder."""
        return [body for path in sorted(self.out.iterdir()) if cancellation(body := path.read_bytes()) is not None]

    def states(self) -> dict[str, str]:
        return {view.invoice: view.state for view in self.paymaster.payments()}

    def keys(self) -> dict[str, str]:
        """{invoice: key} of the file as the bank has it."""
        for folder in ("out", "collected"):
            for path in (self.desk.folder / "bank" / folder).glob(self.file):
                return {f"inv-{int(line.account)}": line.key for line in read(path.read_bytes()).lines}
        raise AssertionError(self.file)

    def take_back(self) -> None:
        """The bank never sees the requests that lie in its folder."""
        for path in self.out.iterdir():
            if cancellation(path.read_bytes()) is not None:
                path.unlink()

    def answer(self, *said: tuple[str, str] | tuple[str, str, str]) -> None:
        """camt.029: (invoice, status, reason)."""
        keys = self.keys()
        statuses = [Status(keys[one[0]], keys[one[0]], *one[1:]) for one in said]
        text = "".join(resolution("1", "", statuses, self.desk.bank.clock()))
        imported(self.paymaster, text.encode())

    def answer_whole(self, status: str, reason: str = "") -> None:
        """camt.029 about all of the file, by the name of its message."""
        (path,) = (
            path for place in ("out", "collected") for path in (self.desk.folder / "bank" / place).glob(self.file)
        )
        with path.open("rb") as file:
            text = whole(status, reason, original(file).msg_id)
        imported(self.paymaster, text.encode())

    def answer_both(self, of_all: str, *said: tuple[str, str, str]) -> None:
        """camt.029 about all of the file, and about some of its lines."""
        keys, path = self.keys(), next(path for path in self.desk.folder.glob(f"bank/*/{self.file}"))
        with path.open("rb") as file:
            text = whole(of_all, msg_id=original(file).msg_id)
        of = [Status(keys[name], keys[name], status, reason) for name, status, reason in said]
        lines = "".join(resolution("1", "", of, self.desk.bank.clock()))
        lines = lines[lines.index("<OrgnlPmtInfAndSts>") : lines.index("</CxlDtls>")]
        imported(self.paymaster, text.replace("</CxlDtls>", f"{lines}</CxlDtls>").encode())

    def cases(self) -> list[str]:
        return [case.kind for case in self.paymaster.cases()]
