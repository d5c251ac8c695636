"""An invented payroll, the same on every machine: `gateway demo` pays it. Nobody in it exists."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Iterator
from itertools import cycle, islice

LINES = 1000

FIRST = (
    "Amina", "Joseph", "Grace", "Peter", "Fatuma", "Samuel", "Esther", "Moses", "Nakato", "Okello", "Sita", "Ram",
    "Maya", "Bishnu", "Rahim", "Nasrin", "José", "María", "Luís", "Inês", "Aïssatou", "Mamadou", "Zoë", "Kwame",
    "Abena", "Chidi", "Ngozi", "Tendai", "Rudo", "Thabo", "Lerato", "Yusuf", "Halima", "Kofi", "Adwoa", "Émile",
    "Chantal", "Hassan", "Leyla", "Tesfaye",
)  # fmt: skip
LAST = (
    "Mukasa", "Nakimuli", "Ssempala", "Wanjiru", "Otieno", "Mwangi", "Achieng", "Shrestha", "Tamang", "Gurung", "Begum",
    "Hossain", "Fernández", "Gonçalves", "Ndiaye", "Traoré", "Diallo", "Mensah", "Boateng", "Okafor", "Adeyemi", "Moyo",
    "Chikwanha", "Dlamini", "Mokoena", "Abdi", "Warsame", "Hailu", "Kebede", "O'Brien", "Ouédraogo", "Nsubuga",
    "Byaruhanga", "Atuhaire", "Kamau", "Rana", "Chowdhury", "Sow", "Bâ", "Juma",
)  # fmt: skip


def payroll(lines: int = LINES) -> Iterator[dict[str, str]]:
    """Invoices of one programme and cycle: every person, account and invoice once."""
    chance = random.Random(20261101)  # noqa: S311 - the same example for ever, not a secret
    people = [f"{first} {last}" for first in FIRST for last in LAST]
    chance.shuffle(people)
    for number, name in enumerate(islice(cycle(people), lines), 1):
        yield {
            "invoice": f"CG-2026-11-{number:05d}",
            "beneficiary": f"UG-{chance.randrange(1000, 10_000)}-{number:05d}",
            "name": name,
            "account_type": "wallet",
            "account": f"w-2567{number * 7919 % 100_000_000:08d}",
            "amount": str(chance.randrange(50_000, 250_001, 5_000)),
            "currency": "UGX",
            "programme": "child-grant",
            "cycle": "2026-11",
        }


def table(rows: Iterable[dict[str, str]], more: tuple[str, ...] = ()) -> bytes:
    """CSV as bytes. A lone surrogate is written as the byte that it stands for, which is no UTF-8."""
    kept = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(kept[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    return (text.getvalue() + "".join(f"{line}\n" for line in more)).encode("utf-8", "surrogateescape")
