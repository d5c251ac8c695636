"""`gateway pay`: one person's shortcut for test channels: propose, check, approve, run. Any repetition goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ..model.errors import WrongState
from ..model.states import WITHDRAWN
from . import options as o
from .app import command
from .desk import Desk
from .errors import INPUT, WAITS
from .output import counted
from .payrolls import check_payroll, findings, propose_file, reading_of, show_check
from .sending import code_of, ended, send, sent

if TYPE_CHECKING:
    from ..lifecycle.checking import CheckReport
    from ..paymaster import Paymaster


@command(o.SENDING)
def pay(
    desk: Desk, file: o.PayrollFile, channel: o.Channel, by: o.By, approve_by: o.ApproveBy, name: o.Name = "",
    despite: o.Despite = "", control_total: o.ControlTotal = None, control_count: o.ControlCount = None,
    delimiter: o.Delimiter = None, encoding: o.Encoding = None, wait: o.Wait = 0.0,
) -> int:  # fmt: skip
    """Propose, check, approve and run a payroll in one go, on a test store; on a live one it only proposes.

    The same file and channel again resumes its payroll, also after a crash at any moment.
    """
    from ..model.people import differ

    differ(by, approve_by, "proposes this payroll")
    reading = reading_of(control_total, control_count, delimiter, encoding)
    paymaster = desk.open()
    payroll = propose_file(desk, paymaster, file, channel, by, name, despite, reading)
    if not paymaster.is_test:
        return _stop_before_approval(desk, paymaster, payroll)
    state = paymaster.status(payroll)[0].state
    if state in WITHDRAWN:
        raise WrongState(f"payroll {payroll} was {state}; propose it anew under another --name")
    if state == "awaiting_approval":
        report = check_payroll(desk, paymaster, payroll)
        if not _approved(paymaster, report, by, approve_by, despite):
            return _objected(desk, report)
    return _run(desk, paymaster, payroll, wait)


def _approved(paymaster: Paymaster, report: CheckReport, by: str, approve_by: str, despite: str) -> bool:
    """Approve by the second person; both of them answer for the objections, with one reason."""
    if not report.good and not despite:
        return False
    if not report.good:
        paymaster.release_objections(report.payroll, by=by, reason=despite)
    paymaster.approve(report.payroll, by=approve_by, despite=despite)
    return True


def _objected(desk: Desk, report: CheckReport) -> int:
    show_check(desk.out, report)
    desk.out.say(
        f"nothing was approved or sent. Pay in spite of this with --despite REASON, or send it back: "
        f"gateway reject {report.payroll} --by <person> --reason <why>"
    )
    message = f"{counted(len(report.objections), 'objection')} stand; nothing was approved or sent"
    error = {"type": "ObjectionsStand", "message": message, "exit": INPUT, "payroll": report.payroll}
    desk.out.result({"error": {**error, **findings(report)}})
    return INPUT


def _stop_before_approval(desk: Desk, paymaster: Paymaster, payroll: str) -> int:
    """Real money: approving is another person's act, at another desk."""
    desk.out.say(
        "this is a live store: the payroll is proposed, and nothing was sent.",
        f"next: gateway check {payroll}",
        f"then: gateway approve {payroll} --by <another person>, and gateway run",
    )
    desk.out.result({"payroll": attrs.asdict(paymaster.status(payroll)[0]), "exit": WAITS})
    return WAITS


def _run(desk: Desk, paymaster: Paymaster, payroll: str, wait: float) -> int:
    report = send(desk, paymaster, payroll, wait)
    status = paymaster.status(payroll)[0]
    rows = [(state, count, status.sums[state]) for state, count in status.counts.items()]
    desk.out.table(("state", ">payments", f">{status.currency}"), rows, f"{status.name} ({status.id})")
    code = ended(desk.out, report)
    if code == 0 and status.state != "reconciled":
        desk.out.say(f"next: gateway reconcile {payroll} --by <person>, then gateway close by another")
    body: dict[str, Any] = {"payroll": attrs.asdict(status), **sent(report)}
    desk.out.result(body)
    return code_of(report)
