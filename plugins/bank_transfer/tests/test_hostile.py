"""Files that want to harm: refused in bounded time and memory, and nothing of them counts."""

from __future__ import annotations

import gzip
import io
import resource
import time
import tracemalloc

import pytest
from gateway_bank_transfer.reading.safe import Refused

from .saying import ONE, TWO, after, booking, mt940, read, statement

GOOD = statement(booking(ONE))
HEAD, BODY = GOOD.split("\n", 1)
LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE Document [<!ENTITY l0 "lol">{LOL}]>'


def with_text(text: str) -> str:
    return BODY.replace("</TxDtls>", f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>")


HOSTILE = {
    "an external entity": f'{HEAD}<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>{with_text("&x;")}',
    "an entity bomb": HEAD + BOMB + with_text("&l11;"),
    "a quadratic bomb": f'{HEAD}<!DOCTYPE d [<!ENTITY x "{"a" * 50_000}">]>{with_text("&x;" * 10_000)}',
    "an external DTD": f'{HEAD}<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">{BODY}',
    "a DOCTYPE after a comment": f'{HEAD}<!--{" " * 100_000}--><!DOCTYPE d>{BODY}',
    "a DOCTYPE in another encoding": (
        HEAD.replace("UTF-8", "UTF-16") + '<!DOCTYPE d [<!ENTITY x "y">]>' + with_text("&x;")
    ).encode("utf-16"),
    "depth": HEAD + BODY.replace("</TxDtls>", "<a>" * 5000 + "</a>" * 5000 + "</TxDtls>"),
    "a text without end": HEAD + with_text("x" * 20_000_000),
    "an attribute without end": HEAD + BODY.replace("<TxDtls>", f'<TxDtls a="{"x" * 20_000_000}">'),
    "elements without end": HEAD + BODY.replace("</TxDtls>", "<a/>" * 4_000_000 + "</TxDtls>"),
    "brothers without end": HEAD + BODY.replace("</Stmt>", "<Junk/>" * 3_000_000 + "</Stmt>"),
    "no end": GOOD[: len(GOOD) - 40],
    "half": GOOD[: len(GOOD) // 2],
    "something behind it": GOOD + "<more/>",
    "another document": "<html><body>404</body></html>",
    "another message": HEAD + '<Document xmlns="urn:x"><Other><GrpHdr/></Other></Document>',
    "nothing": "",
    "an MT940 without its end": mt940(booking(ONE), booking(TWO)).split(":62F:")[0],
    "an MT940 with a strange line": mt940(booking(ONE)).replace(":61:", ":61:?"),
    "a gzip that is cut off": gzip.compress(GOOD.encode())[:-20],
    "a gzip with something behind it": gzip.compress(GOOD.encode()) + b"more",
    "bytes of no encoding": b"\xff\xfe\xfd" + GOOD.encode(),
}  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_and_says_nothing(body: str | bytes) -> None:
    began = time.process_time()
    with pytest.raises(Refused):
        read(body)
    assert time.process_time() - began < 20


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory() -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(HEAD.encode() + b"<Document>")
        for _ in range(300):
            file.write(b" " * (1 << 20))
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused):
        read(packed.getvalue(), largest=100 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_a_whole_gzip_is_read_as_what_is_in_it() -> None:
    assert after(gzip.compress(GOOD.encode())).states()[ONE] == "PAID"


def test_many_details_in_one_entry_take_no_longer_each_than_few() -> None:
    """A reader that clears only at the end of an entry needs minutes for this."""
    line = GOOD[GOOD.index("<TxDtls>") : GOOD.index("</TxDtls>") + len("</TxDtls>")]
    body = statement(booking(ONE), kind="camt.054").replace(line, line * 50_000)
    body = body.replace('<Ntry><Amt Ccy="GMD">100.00', '<Ntry><Amt Ccy="GMD">5000000.00')
    began = time.process_time()
    staged = read(body)
    assert time.process_time() - began < 30
    assert not staged.held and sum(1 for _ in staged.words()) == 50_000
