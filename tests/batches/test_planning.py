"""Which payments go into which file; what a gateway may do wrong there, and what becomes of that."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.contract import BatchCtx, Document, LeftOut, Payment, Refused
from gateway_core.contract.policies import Policies
from gateway_core.engine.batch import scratch
from gateway_core.engine.driver import Driver
from gateway_core.model.errors import StoreError
from gateway_core.model.payment import Objection

from .gateway import UNWRITABLE, CsvBank

if TYPE_CHECKING:
    from .conftest import Branch

Made = Iterator[Document | LeftOut]
OpenBranch = Callable[..., "Branch"]


def rows(branch: Branch) -> list[list[str]]:
    """The accounts of each file that was dropped, in the order of the lines."""
    return [
        [line.split(",")[2] for line in path.read_text().splitlines() if line.startswith("L")]
        for path in branch.bank.waiting
    ]


def test_each_payment_goes_once_and_no_file_is_longer_than_the_bank_takes(branch: Branch) -> None:
    branch.approved(25)
    branch.run()
    assert sorted(map(len, rows(branch))) == [5, 10, 10]
    accounts = [account for file in rows(branch) for account in file]
    assert len(accounts) == len(set(accounts)) == 25
    branch.whole()


def test_names_and_keys_follow_from_the_payroll_alone(open_branch: OpenBranch) -> None:
    """The same payroll in the same deployment makes the same file: nothing in it is drawn."""
    bodies = []
    for _ in range(2):
        branch = open_branch(top={"deployment": "same-place"})
        branch.approved(3)
        branch.run()
        (path,) = branch.bank.waiting
        bodies.append((path.name, path.read_bytes()))
    assert bodies[0] == bodies[1]


def test_payments_of_different_groups_never_share_a_file(open_branch: OpenBranch) -> None:
    branch = open_branch(grouped=True)
    lines = [branch.shop.invoice(n, f"w-{n:04d}", extra={"branch": f"b{n % 3}"}) for n in range(25)]
    branch.shop.approved(lines)
    branch.run()
    assert sorted(len(file) for file in rows(branch)) == [8, 8, 9]
    for file in rows(branch):
        assert len({int(account[2:]) % 3 for account in file}) == 1


def test_a_payment_that_no_file_can_hold_is_refused_and_nothing_of_it_was_sent(branch: Branch) -> None:
    lines = branch.shop.invoices(2)
    payroll = branch.shop.approved([*lines, branch.shop.invoice(7, UNWRITABLE)])
    branch.run()
    assert branch.states() == {"inv-0": "pending", "inv-1": "pending", "inv-7": "refused"}
    (refused,) = branch.shop.paymaster.payments(payroll, state="refused")
    assert refused.reason == "the bank was closed"
    assert not refused.document
    branch.whole()


def test_what_would_be_too_long_for_the_bank_goes_in_several_files(open_branch: OpenBranch) -> None:
    branch = open_branch(size=200)
    branch.approved(10)
    branch.run()
    assert all(path.stat().st_size <= 200 for path in branch.bank.waiting)
    assert sorted(account for file in rows(branch) for account in file) == [f"w-{n:04d}" for n in range(10)]
    branch.whole()


def test_a_line_that_is_too_long_alone_is_held(open_branch: OpenBranch) -> None:
    branch = open_branch(size=40)
    branch.approved(3)
    branch.run()
    assert set(branch.states().values()) == {"held"}
    assert branch.bank.waiting == []
    branch.whole()


# What a gateway does wrong in prepare_batch, and a piece of what people read.
FAULTS: dict[str, tuple[Callable[[list[Payment], BatchCtx], Any], str]] = {
    "raises": (lambda payments, ctx: 1 / 0, "ZeroDivisionError"),
    "raises as a database does": (lambda payments, ctx: fail(sqlite3.OperationalError("locked")), "locked"),
    "asks the process to end": (lambda payments, ctx: fail(SystemExit(1)), "SystemExit"),
    "fails in the lines": (lambda payments, ctx: lines(payments, ctx, sqlite3.OperationalError("locked")), "locked"),
    "asks the process to end in the lines": (lambda payments, ctx: lines(payments, ctx, SystemExit(1)), "SystemExit"),
    "asks the process to end in the content": (
        lambda payments, ctx: one(payments, ctx, content=broken(SystemExit(1))), "SystemExit",
    ),
    "gives lines that are no pairs": (lambda payments, ctx: iter([unpaired(payments)]), "ValueError"),
    "gives a text": (lambda payments, ctx: iter(["file.csv"]), "neither Document nor LeftOut"),
    "gives nothing": (lambda payments, ctx: None, "must give documents"),
    "forgets a payment": (lambda payments, ctx: one(payments[1:], ctx), "says nothing of 1 of 3"),
    "puts one in that it was not given": (
        lambda payments, ctx: one([*payments, attrs.evolve(payments[0], id="x")], ctx), "that it was not given",
    ),
    "uses a key twice": (lambda payments, ctx: iter([same_key(payments)]), "the same key"),
    "names a path": (lambda payments, ctx: one(payments, ctx, "../x"), "cannot be the name of a file"),
    "names a hidden file": (lambda payments, ctx: one(payments, ctx, ".x"), "cannot be the name of a file"),
    "gives no lines": (lambda payments, ctx: iter([Document("x", {}, b"")]), "has no lines"),
    "gives text as content": (lambda payments, ctx: one(payments, ctx, content="text"), "TypeError"),
    "raises in the content": (
        lambda payments, ctx: one(payments, ctx, content=broken(ZeroDivisionError())), "ZeroDivisionError",
    ),
    "leaves one out for no reason": (
        lambda payments, ctx: iter([LeftOut(payments[0].id, None)]), "not with a Refused",  # type: ignore[arg-type]
    ),
    "leaves one out without a word": (
        lambda payments, ctx: iter([LeftOut(payments[0].id, Refused("x", "y"))]), "says nothing of 2 of 3",
    ),
}  # fmt: skip


def unpaired(payments: Sequence[Payment]) -> Document:
    ids: Any = [payment.id for payment in payments]
    return Document("x", ids, b"")


def fail(error: BaseException) -> Any:
    raise error


def broken(error: BaseException) -> Iterator[bytes]:
    yield b"H"
    raise error


def lines(payments: Sequence[Payment], ctx: BatchCtx, error: BaseException) -> Made:
    def some() -> Iterator[tuple[str, str]]:
        yield payments[0].id, ctx.key(payments[0], "short")
        raise error

    yield Document("x", some(), b"content")


def one(payments: Sequence[Payment], ctx: BatchCtx, name: str = "x", content: Any = b"content") -> Made:
    attempts = {payment.id: 1 for payment in payments}
    ctx = attrs.evolve(ctx, attempts={**attempts, **ctx.attempts})
    keys = {payment.id: f"{ctx.key(payment)}{name[-1:]}{payment.id[-1]}" for payment in payments}
    return iter([Document(name, keys, content)])


def same_key(payments: Sequence[Payment]) -> Document:
    return Document("x", {payment.id: "key" for payment in payments}, b"")


@pytest.mark.parametrize("fault", FAULTS)
def test_law_10_a_fault_of_the_gateway_parks_payments_and_refuses_none(open_branch: OpenBranch, fault: str) -> None:
    make, said = FAULTS[fault]
    kind = type("Faulty", (CsvBank,), {"prepare_batch": lambda self, payments, ctx: make(list(payments), ctx)})
    branch = open_branch(gateway=kind)
    payroll = branch.approved(3)
    branch.run(wait=0.3)
    states = branch.states()
    assert set(states.values()) <= {"held", "pending", "refused"}, states
    held = branch.shop.paymaster.holds(payroll)
    assert any(said in hold.reason for hold in held), [hold.reason for hold in held]
    # Only what the gateway itself had put into a whole file, or left out, before its fault was found went on.
    assert len(held) == 3 or fault in ("forgets a payment", "leaves one out without a word")
    branch.whole()


class Misled(CsvBank):
    """Tells of whatever goes wrong in words of its own."""

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Made:
        try:
            yield from super().prepare_batch(list(payments), ctx)
        except Exception as error:
            raise ValueError("something is wrong with the payments") from error


@pytest.mark.few(4)
@pytest.mark.parametrize("gateway", [CsvBank, Misled])
@pytest.mark.parametrize("pages", [8, 32, 46, 50, 54])
def test_a_disk_that_is_full_is_not_the_gateways_fault(
    open_branch: OpenBranch, monkeypatch: pytest.MonkeyPatch, pages: int, gateway: type[CsvBank]
) -> None:
    """It is full while payments are claimed, or while they are put into their file: nothing is held, all goes later."""
    branch = open_branch(gateway=gateway, lines=600)
    branch.approved(600)
    with monkeypatch.context() as full:
        full.setattr(scratch, "TUNED", f"{scratch.TUNED} PRAGMA cache_size = 5; PRAGMA max_page_count = {pages};")
        with pytest.raises(StoreError, match=r"scratch file for planning.*full"):
            branch.run()
    assert set(branch.states().values()) <= {"planned", "ready"} and branch.bank.waiting == []
    assert branch.shop.select("SELECT count(*) FROM payments WHERE sender IS NOT NULL") == [(0,)]
    branch.run()
    assert set(branch.states().values()) == {"pending"}
    branch.whole()


def test_a_run_that_ends_while_a_file_is_written_ends_with_its_reason(
    open_branch: OpenBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends it closes the scratch file under the gateway that still reads its payments, on another thread."""
    reads = threading.Event()

    class Long(CsvBank):
        def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Made:
            for _ in range(2000):
                for payment in payments:
                    ctx.key(payment)
                reads.set()
            yield from super().prepare_batch(payments, ctx)

    async def fails(driver: Driver) -> None:
        while not reads.is_set():
            await driver.runtime.sleep(10_000)
        raise StoreError("the database refused: it is gone")

    branch = open_branch(gateway=Long, lines=600)
    branch.approved(600)
    with monkeypatch.context() as gone:
        gone.setattr(Driver, "_listen", fails)
        with pytest.raises(StoreError, match="it is gone"):
            branch.run()
    assert set(branch.states().values()) <= {"planned", "ready"} and branch.bank.waiting == []


def test_a_payment_that_a_gateway_puts_into_two_files_goes_in_the_first_alone(open_branch: OpenBranch) -> None:
    def twice(self: CsvBank, payments: Sequence[Payment], ctx: BatchCtx) -> Made:
        yield from one(payments, ctx, "a")
        yield from one(payments, ctx, "b")

    branch = open_branch(gateway=type("Twice", (CsvBank,), {"prepare_batch": twice}))
    branch.approved(3)
    branch.run(wait=0.3)
    assert [path.name for path in branch.bank.waiting] == ["a"]
    assert set(branch.states().values()) == {"pending"}
    branch.whole()


def test_a_name_or_a_key_that_was_used_before_is_a_fault(open_branch: OpenBranch) -> None:
    kind = type("Same", (CsvBank,), {"prepare_batch": lambda self, payments, ctx: one(payments, ctx, "same")})
    branch = open_branch(gateway=kind, lines=2)
    payroll = branch.approved(4)
    branch.run()
    assert sorted(branch.states().values()) == ["held", "held", "pending", "pending"]
    assert all("a name is never used twice" in hold.reason for hold in branch.shop.paymaster.holds(payroll))
    branch.whole()


def test_law_5_a_line_that_differs_from_what_was_approved_is_in_no_file(branch: Branch) -> None:
    branch.approved(3)
    branch.shop.change_store("UPDATE payments SET account = 'w-thief' WHERE invoice = 'inv-1'")
    branch.run()
    assert rows(branch) == [["w-0000", "w-0002"]]
    assert branch.states()["inv-1"] == "held"


class Register:
    """A policy: who is named in `dead` is not paid. `asked`: how many payments it was asked about."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked = 0

    def before_sending(self, payments: Sequence[Payment]) -> list[tuple[str, Objection]]:
        self.asked += len(payments)
        return [(p.id, Objection("dead", "is not alive")) for p in payments if p.beneficiary in self.dead]


def with_policy(branch: Branch, register: Register) -> None:
    from gateway_core.contract.hookspecs import hookimpl

    hookimpl(type(register).before_sending)
    configuration = attrs.evolve(branch.shop.paymaster.configuration, policies=(("register", register),))
    branch.shop.paymaster.configuration = configuration
    branch.speak()
    assert isinstance(configuration.policies(), Policies)


def test_whom_a_policy_objects_to_is_in_no_file(branch: Branch) -> None:
    register = Register()
    register.dead = {"ben-1"}
    with_policy(branch, register)
    branch.approved(3)
    branch.run()
    assert branch.states() == {"inv-0": "pending", "inv-1": "held", "inv-2": "pending"}
    assert rows(branch) == [["w-0000", "w-0002"]]
    branch.whole()
