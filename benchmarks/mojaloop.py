"""CPU per payment over Mojaloop, with signatures and without: Paymaster.run against a bare loop that does the same.

A payment is a look-up, a quote and a transfer, and three callbacks. The bare loop sends the very requests that the
journal holds over the same lanes, signs them, takes the callbacks in over the same kind of server, verifies them, and
keeps nothing. Hub and payee are a process of their own, whose CPU does not count. Each side is a fresh process.

    python -m benchmarks.mojaloop                       pairs, and where the time of the first one went, by thread
    python -m benchmarks.mojaloop --in-flight 1000      the memory that payments need which all wait for the hub
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gateway_mojaloop import MojaloopGateway

from gateway_core import Account, Invoice, Money, Paymaster
from gateway_core.contract import Arrival
from gateway_core.engine.lanes import HttpLane
from gateway_core.engine.wire import wire
from gateway_core.model.moments import as_time

LANES, FSP, KEY = 32, "grantsfsp", "MOJALOOP_BENCHMARK_KEY"
# What a thread is for, by the beginning of its name.
WORK = {
    "gateway-run": "loop", "gateway-writer": "writer", "asyncio": "signatures, arrivals", "gateway-helper": "readers",
}  # fmt: skip
# So long (seconds) every callback is kept back where many are to be in flight, and so long a payment may then take.
DELAY, PATIENT = 45.0, 3600.0


def invoices(count: int) -> Iterator[Invoice]:
    """Plausible invoices."""
    for i in range(count):
        yield Invoice(
            id=f"INV-{i:07d}", beneficiary=f"HH-{i:07d}", name=f"Beneficiary {i}",
            account=Account("msisdn", str(256700000000 + i)), amount=Money(50_000 + i % 200_000, "UGX"),
            programme="child-grant", cycle="2026-11",
        )  # fmt: skip


def configuration(folder: Path, base_url: str, listen: str, keys: str, **more: Any) -> dict[str, Any]:
    """One channel."""
    channel: dict[str, Any] = {
        "gateway": "mojaloop", "base_url": base_url, "fsp_id": FSP, "institution_account": "treasury",
        "listen": listen, "max_concurrency": LANES, **more,
    }  # fmt: skip
    channel |= {"jws_key": {"env": KEY}, "keys_dir": keys} if keys else {"unsigned_sources": ["*"]}
    return {
        "deployment": "benchmark", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"), "channels": {"hub": channel},
    }  # fmt: skip


class Threads(threading.Thread):
    """What each kind of thread has used of the CPU, in seconds: looked at often, because they end. `own`: its own."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own = 0.0
        self._used: dict[int, tuple[str, float]] = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Until `end`."""
        while not self._over.wait(0.1):
            for one in threading.enumerate():
                with suppress(OSError):
                    spent = int(Path(f"/proc/self/task/{one.native_id}/schedstat").read_text().split()[0]) / 1e9
                    kind = next((what for name, what in WORK.items() if one.name.startswith(name)), "other")
                    self._used[one.native_id or 0] = (kind, spent)
        self.own = time.thread_time()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def used(self) -> Counter[str]:
        """By kind."""
        found = Counter[str]()
        for kind, spent in self._used.values():
            found[kind] += spent  # type: ignore[assignment]
        return found


def durable(folder: Path, base_url: str, listen: str, keys: str, count: int, **more: Any) -> dict[str, float]:
    """Propose and approve, then measure the run."""
    with Paymaster.open(configuration(folder, base_url, listen, keys, **more), create=True) as paymaster:
        payroll = paymaster.propose("benchmark", invoices(count), channel="hub", by="amina")
        paymaster.approve(payroll, by="joseph")
        begun, cpu, threads = time.perf_counter(), time.process_time(), Threads()
        threads.start()
        report = paymaster.run(payroll, wait=None)
        wall = time.perf_counter() - begun
        threads.end()
        used = {"cpu": time.process_time() - cpu - threads.own, "wall": wall}
        assert report.finished and paymaster.status(payroll)[0].counts == {"paid": count}
    return used | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024} | threads.used()


def patient(folder: Path, base_url: str, listen: str, keys: str, count: int) -> dict[str, float]:
    """As `durable`, over a hub that takes its time. `flying`: how many had asked before the first was answered."""
    times = dict.fromkeys(("callback_patience", "transfer_window", "quote_window"), PATIENT)
    used = durable(folder, base_url, listen, keys, count, **times)
    query = "SELECT COUNT(*) FROM facts WHERE kind = 'intent' AND at < (SELECT MIN(at) FROM arrivals)"
    with sa.create_engine(f"sqlite:///{folder / 'store.db'}").connect() as connection:
        return used | {"flying": connection.execute(sa.text(query)).scalar_one()}


class Ear:
    """Takes callbacks in, verifies them, and wakes whoever waits for their key."""

    def __init__(self, gateway: MojaloopGateway) -> None:
        self._gateway = gateway
        self._waiting: dict[str, asyncio.Event] = {}

    def heard(self, key: str) -> asyncio.Event:
        """Set when an authentic callback under this key has come."""
        return self._waiting.setdefault(key, asyncio.Event())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One callback."""
        body = (await receive())["body"]
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        target = scope["raw_path"].decode().removeprefix("/callbacks/hub")
        arrival = Arrival(scope["method"], target, headers, body, as_time(time.time_ns() // 1000), target)
        about = await asyncio.to_thread(self._gateway.parse_callback, arrival)
        assert about is not None and about.authentic
        self.heard(about.key).set()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def bare(folder: Path, base_url: str, listen: str, keys: str, count: int) -> dict[str, float]:
    """The journal's own requests, each after the callback that answers the one before."""
    engine = sa.create_engine(f"sqlite:///{folder / 'store.db'}")
    steps: dict[str, list[tuple[Any, str]]] = {}
    with engine.connect() as connection:
        query = "SELECT payment, body, key FROM facts WHERE kind = 'intent' ORDER BY payment, no"
        for payment, body, key in connection.execute(sa.text(query)):
            steps.setdefault(payment, []).append((json.loads(body)["request"], key))
    talks = list(steps.values())
    assert len(talks) == count and all(len(talk) == 3 for talk in talks)
    with Paymaster.open(configuration(folder, base_url, listen, keys)) as paymaster:
        gateway: Any = paymaster.configuration.channel("hub").gateway
    ear = Ear(gateway)

    async def lane() -> None:
        here = HttpLane(base_url, gateway.auth())
        while talks:
            for form, key in talks.pop():
                heard = ear.heard(key)
                status, _, _ = await here.send(wire(form, {}), 30.0, 1 << 20)
                assert status == 202
                await asyncio.wait_for(heard.wait(), 30)
        await here.close()

    async def everything() -> None:
        host, _, port = listen.partition(":")
        config = uvicorn.Config(ear, host=host, port=int(port), http="httptools", ws="none", log_level="warning",
                                access_log=False, lifespan="off")  # fmt: skip
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(lane() for _ in range(LANES)))
        server.should_exit = True
        await serving

    begun, cpu = time.perf_counter(), time.process_time()
    asyncio.run(everything())
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun, "memory": 0.0}


@contextmanager
def hub(folder: Path, signed: bool, delay: float = 0.0) -> Iterator[tuple[str, str, str]]:
    """(address, where it calls back, folder of keys) of a simulator in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    keys = str(folder / "keys") if signed else ""
    command = [sys.executable, "-m", "gateway_mojaloop.simulator", "--port", "0", "--keys", keys, "--delay", str(delay)]
    running = subprocess.Popen(
        [*command, "--callbacks", f"http://{listen}/callbacks/hub"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        url = running.stdout.readline().split()[-1]
        if keys:
            _our_key(Path(keys))
        yield url, listen, keys
    finally:
        running.terminate()
        running.wait(30)


def _our_key(keys: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    os.environ[KEY] = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none).decode()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (keys / f"{FSP}.pem").write_bytes(key.public_key().public_bytes(pem, spki))


def in_process(side: str, folder: Path, at: tuple[str, str, str], count: int) -> dict[str, float]:
    """One side in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.mojaloop", "--side", side, "--folder", str(folder), "--at", *at]
    done = subprocess.run([*command, "--count", str(count)], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def pairs(count: int, times: int, signed: bool) -> None:
    """Measure and print."""
    rows: list[tuple[dict[str, float], dict[str, float]]] = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as name, hub(Path(name), signed) as at:
            rows.append((in_process("durable", Path(name), at, count), in_process("bare", Path(name), at, count)))
    print(f"\nCPU per payment, JWS {'on' if signed else 'off'}, {times} pairs of {count:,} payments, {LANES} lanes")
    table = {
        "gateway-core, ms": [one["cpu"] / count * 1e3 for one, _ in rows],
        "bare loop, ms": [other["cpu"] / count * 1e3 for _, other in rows],
        "ratio": [one["cpu"] / other["cpu"] for one, other in rows],
        "payments/s, wall": [count / one["wall"] for one, _ in rows],
        "peak memory, MB": [one["memory"] for one, _ in rows],
    }  # fmt: skip
    for label, values in table.items():
        print(f"  {label:18} {statistics.median(values):8.2f}   {min(values):.2f} - {max(values):.2f}")
    first = rows[0][0]
    parts = [f"{kind} {first[kind] / count * 1e3:.2f}" for kind in WORK.values() if kind in first]
    print(f"  of the first {first['cpu'] / count * 1e3:.2f} ms, by thread: {', '.join(parts)}")


def in_flight(count: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, hub(Path(name), True, DELAY) as at:
        used = in_process("patient", Path(name), at, count)
    print(f"{count:,} payments, {used['flying']:,.0f} of them in flight at once: peak memory {used['memory']:.0f} MB")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--in-flight", type=int, metavar="COUNT")
    parser.add_argument("--side", choices=["durable", "patient", "bare"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--at", nargs=3, default=["", "", ""])
    given = parser.parse_args()
    if given.side:
        side: Any = {"durable": durable, "patient": patient, "bare": bare}[given.side]
        print(json.dumps(side(given.folder, *given.at, given.count)))
        return
    if given.in_flight:
        in_flight(given.in_flight)
        return
    for signed in (True, False):
        pairs(given.count, given.pairs, signed)


if __name__ == "__main__":
    main()
