"""What can be done behind a store's back, and what `verify` says of it."""

from __future__ import annotations

from .building import LINES

ID = {name: payment.id for name, payment in LINES.items()}


def swap(a: int, b: int, session: int = 2) -> list[str]:
    moves = ((a, -1), (b, a), (-1, b))
    return [f"UPDATE facts SET n = {new} WHERE session = {session} AND n = {old}" for old, new in moves]


def copy_row(session: int, n: int, new: int) -> str:
    rest = "no + 900, at, kind, value, source, attempt, step, key, digest, chain, salt, body"
    return (
        f"INSERT INTO facts SELECT session, {new}, payroll, payment, {rest} FROM facts "
        f"WHERE session = {session} AND n = {n}"
    )


GRANT = "UPDATE payrolls SET {} WHERE id = 'grant'"
FACT = "UPDATE facts SET {} WHERE session = 2 AND n = 10"
ROW_10 = f"session 2: row 10 (payment {ID['refused']}, outcome refused, "


def payment(name: str, change: str) -> str:
    return f"UPDATE payments SET {change} WHERE id = '{ID[name]}'"


def about(name: str, payroll: str = "grant") -> str:
    line = [*LINES].index(name) + 1 if payroll == "grant" else 1
    return f"payment {ID[name]} (payroll {payroll}, line {line}): "


# What was done behind the store's back, and what the first finding, or another, says of it.
TAMPERED: dict[str, tuple[list[str], list[str]]] = {
    "a fact's time": ([FACT.format("at = at + 1")], [ROW_10, "was altered, inserted or moved here"]),
    "a fact's value": (
        [FACT.format("value = 'paid'")],
        ["session 2: row 10", about("refused") + "the table says state"],
    ),
    "a fact's body": ([FACT.format("body = '{}'")], [ROW_10, "its body is not the one that was written"]),
    "a fact's salt": ([FACT.format("salt = x'00'")], [ROW_10, "its body is not the one that was written"]),
    "a body gone, its salt left": ([FACT.format("body = NULL")], [ROW_10, "erasing takes both"]),
    "a fact of another payment": ([FACT.format(f"payment = '{ID['unsent']}', no = 1")], ["session 2: row 10"]),
    "a digest of another type": ([FACT.format("digest = 'text'")], [ROW_10, "its body is not the one"]),
    "a body of another type": (
        [FACT.format("body = x'ff'")],
        [ROW_10, "cannot be read: AttributeError", about("refused") + "its facts cannot be folded"],
    ),
    "a text that is none": (
        [FACT.format("value = CAST(x'ff' AS TEXT)")],
        ["the journal cannot be read to the end: StoreError", "payroll grant cannot be read to the end"],
    ),
    "a row removed": (
        ["DELETE FROM facts WHERE session = 2 AND n = 10"],
        [
            "session 2: row 10 is missing: removed, or moved elsewhere; the next is row 11 (payment " + ID["pending"],
            about("refused") + "the table counts 3 facts, the journal has 2",
        ],
    ),
    "several rows removed": (["DELETE FROM facts WHERE session = 2 AND n IN (7, 8)"], ["rows 7 to 8 are missing"]),
    "the last rows removed": (
        ["DELETE FROM facts WHERE session = 3 AND n > 10"],
        [
            "session 3: the head recorded in the store at row 13 (session ended) has no row",
            "session 3: row 13 is missing, of which the head exported at",
            "payroll bad: the table says state is 'rejected', its facts say 'draft'",
        ],
    ),
    "the last rows removed, and their head": (
        ["DELETE FROM facts WHERE session = 3 AND n > 10", "DELETE FROM heads WHERE session = 3 AND n > 10"],
        ["session 3 has ended, but the head recorded at its end is gone", "rows were removed, or an older copy"],
    ),
    "a session removed": (
        [
            "DELETE FROM facts WHERE session = 3",
            "DELETE FROM heads WHERE session = 3",
            "DELETE FROM sessions WHERE id = 3",
        ],
        ["session 3: row 2 is missing", about("closed", "small") + "the table counts 3 facts, the journal has 0"],
    ),
    "two rows swapped": (swap(10, 12), ["session 2: row 10 (payment " + ID["pending"], "3 later rows of this session"]),
    "a row inserted at the end": (
        [copy_row(2, 10, 22)],
        ["session 2: row 22 (payment " + ID["refused"], "session 2 ended at row 21, but row 22"],
    ),
    "a row inserted before the first": ([copy_row(2, 10, 0)], ["session 2: row 0", "numbers begin at 1"]),
    "an amount": (
        [payment("unsent", "amount = 9000000")],
        [
            about("unsent")
            + "its content is not what was proposed (now 9000000 minor units of UGX to wallet w-unsent)",
            "payroll grant: it has 6 lines over 9002510, but 6 over 3015",
            "the roots differ",
        ],
    ),
    "an account": (
        [payment("unsent", "account = 'w-mine'")],
        [about("unsent") + "its content is not what was proposed"],
    ),
    "extra data that is no JSON": (
        [payment("unsent", "extra = '{'")],
        [about("unsent") + "its content is not what was proposed"],
    ),
    "an account of another type": (
        [payment("unsent", "account = x'ff'")],
        [about("unsent") + "its content cannot be read"],
    ),
    "a state": (
        [payment("held", "state = 'ready'")],
        [about("held") + "the table says state is 'ready', its facts say 'held'"],
    ),
    "an attempt": (
        [payment("pending", "attempt = 3")],
        [about("pending") + "the table says attempt is 3, its facts say 2"],
    ),
    "a reference": ([payment("paid", "outcome_reference = 'x'")], [about("paid") + "the table says outcome_reference"]),
    "a reason": ([payment("refused", "reason = ''")], [about("refused") + "the table says reason is ''"]),
    "a count of facts": (
        [payment("paid", "facts = 2")],
        [about("paid") + "the table counts 2 facts, the journal has 3"],
    ),
    "work made of a settled one": ([payment("paid", "open = TRUE")], [about("paid") + "the table says it is open"]),
    "an entitlement freed": (
        [payment("paid", "taken = FALSE")],
        [about("paid") + "it is paid, but its entitlement is free to be paid again"],
    ),
    "an entitlement kept": (
        [payment("refused", "taken = TRUE")],
        [about("refused") + "it is refused, but still takes"],
    ),
    "an entitlement taken early": (
        [payment("waiting", "taken = TRUE")],
        [about("waiting", "next") + "it takes its entitlement, but its payroll is awaiting approval"],
    ),
    "a payment removed": (
        [f"DELETE FROM payments WHERE id = '{ID['held']}'"],
        [
            f"payment {ID['held']} of payroll grant has facts, but is gone",
            "payroll grant: it has 5 lines over 2511, but 6",
            f"an attempt is recorded of payment {ID['held']}",
        ],
    ),
    "a payment moved": (
        [payment("unsent", "payroll = 'next', line = 9")],
        ["payroll grant: it has 5 lines", "payroll next: it has 2 lines"],
    ),
    "lines reordered": (
        [payment("paid", "line = 99"), payment("refused", "line = 1"), payment("paid", "line = 2")],
        ["payroll grant: its lines are not the lines that were proposed, or not in their order"],
    ),
    "a payroll removed": (
        ["DELETE FROM payrolls WHERE id = 'next'"],
        ["payroll next has facts, but is gone", f"payment {ID['waiting']} is of payroll next, which is gone"],
    ),
    "a payroll hidden": (
        ["UPDATE payrolls SET complete = FALSE WHERE id = 'next'"],
        ["payroll next: the table says complete"],
    ),
    "a payroll approved by nobody": (
        ["UPDATE payrolls SET state = 'approved', approved_by = 'joseph' WHERE id = 'next'"],
        [
            "payroll next: the table says state is 'approved', its facts say 'awaiting_approval'",
            "payroll next: the table says approved_by is 'joseph', its facts say ''",
        ],
    ),
    "an approver": ([GRANT.format("approved_by = 'amina'")], ["payroll grant: the table says approved_by is 'amina'"]),
    "an approval's time": (
        [GRANT.format("approved_at = 5")],
        ["payroll grant: the table says it was approved at 1970"],
    ),
    "an approval prolonged": (
        [GRANT.format("approval_ends = 0")],
        ["payroll grant: the table says approval_ends is 0"],
    ),
    "an approved channel": (
        [GRANT.format("""channels = '{"dummy": "mine"}'""")],
        ["payroll grant: the table says channels is {'dummy': 'mine'}"],
    ),
    "a total": (
        [GRANT.format("total = 1")],
        [
            "payroll grant: the table says total is 1, its facts say 3015",
            "what stands there is not what joseph approved",
            "payroll grant: it has 6 lines over 3015, but 6 over 1",
        ],
    ),
    "a pause lifted": ([GRANT.format("paused = ''")], ["the table says paused is '', its facts say 'a look first'"]),
    "who reconciled": (
        ["UPDATE payrolls SET reconciled_by = '' WHERE id = 'small'"],
        ["payroll small: the table says reconciled_by is ''"],
    ),
    "a dead attempt revived": (
        ["DELETE FROM attempts WHERE attempt = 2", "UPDATE attempts SET dead = FALSE"],
        [about("pending") + "attempt 2 has a money intent, but is gone", "the table says attempt 1 is alive"],
    ),
    "an attempt made up": (
        [f"INSERT INTO attempts VALUES ('{ID['unsent']}', 1, FALSE)"],
        [about("unsent") + "the table of attempts has attempt 1, of which no fact tells"],
    ),
    "a case removed": (["DELETE FROM cases"], [about("late") + "the case possible_double_payment (attempt 1) is gone"]),
    "a case opened again": (["UPDATE cases SET closed_at = 0"], ["is open in the table, but joseph closed it"]),
    "a case about another": (
        ["UPDATE cases SET entitlement = 'x'"],
        ["case 1 is about another payroll or entitlement"],
    ),
    "a case closed otherwise": (["UPDATE cases SET why = 'x'"], ["for another reason than the table says"]),
    "a case made up": (
        [f"INSERT INTO cases (payment, kind, closed_at) VALUES ('{ID['paid']}', 'contradiction', 1)"],
        [about("paid") + "no fact tells of the case contradiction", "is closed in the table, but no fact says who"],
    ),
    "a recorded head": (
        ["UPDATE heads SET chain = x'00' WHERE n = 9"],
        ["recorded in the store at row 9 (close of small)"],
    ),
    "a guard dropped": (
        ["DROP INDEX one_live_payment_per_entitlement"],
        ["the unique index one_live_payment_per_entitlement is gone from the table payments"],
    ),
    "another store's name": (["UPDATE meta SET value = 'x' WHERE key = 'store'"], ["this store is x"]),
}
# What only SQLite keeps: a value of another type than its column's.
UNTYPED = {"a digest of another type", "a body of another type", "a text that is none", "an account of another type"}
