"""Dashboard benchmark: `/health` with 500 half-open connections, and 200 open pages, within the memory of a small plan.

The memory is limited by a cgroup of its own (version 1 or 2) with 512 MB, of which the kernel ends a process that needs
more. Where no cgroup can be made, by `RLIMIT_DATA`: then the process cannot allocate more.
Exits with 1 if the 99th percentile exceeds ten times the median without them, or if a page misses an update.

`--gunicorn` measures the documented command for small use instead, with threads.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import simple_websocket

from benchmarks.dashboard import IMAGE, call, free_port, open_page, wait_for

HALF_OPEN, PAGES, REPORTS, CALLS = 500, 200, 10, 400
LIMIT_MB, MOST_RATIO = 512, 10.0
UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
# What a client sends before it falls silent: nothing, half a head, half a body, half an upgrade, a whole upgrade.
BEGUN = (
    b"",
    b"GET /health HTTP/1.1\r\nHost: h\r\nX-Padding: ",
    b"POST /api/generate HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{",
    UPGRADE,
    UPGRADE + b"\r\n",
)
ASGI = ["-m", "ert_dashboard"]
GUNICORN = ["-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "100", "--no-control-socket", "wsgi:app"]


@contextmanager
def limited() -> Iterator[tuple[str, list[str], Path | None]]:
    """Yield what limits a process, the beginning of a command that runs under it, and the file with the peak."""
    limit = LIMIT_MB << 20
    for root, most, peak in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max", "memory.peak"),
    ):
        group = root / f"ert-bench-{os.getpid()}"
        try:
            group.mkdir()
            (group / most).write_text(str(limit))
        except OSError:
            with suppress(OSError):
                group.rmdir()
            continue
        try:
            enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
            yield f"cgroup, {most}", ["sh", "-c", enter, "sh"], group / peak
        finally:
            group.rmdir()
        return
    yield "RLIMIT_DATA", ["prlimit", f"--data={limit}"], None


@contextmanager
def dashboard(command: list[str]) -> Iterator[int]:
    """Run a dashboard under the limit, with a backend that writes short reports at once; yield its port."""
    from tests.support.dashboard.fake_backend import FakeBackend
    from tests.support.dashboard.fingerprint import complete

    backend = FakeBackend()
    port = free_port()
    if "gunicorn" in command:
        command = [*command, "--bind", f"127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PORT": str(port),
            **complete(backend, Path(folder)),
            "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0",
            "ERT_DASHBOARD_REPORTS_PER_HOUR": "0",
            "ERT_LOG_LEVEL": "ERROR",
        }
        server = subprocess.Popen(command, cwd=IMAGE, env=given)
        try:
            wait_for(port)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            backend.close()


def health_ms(port: int, calls: int = CALLS) -> list[float]:
    """Return the latency of each call in milliseconds; infinite for one that had no response in 5 s."""
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            well = connection.getresponse().status == 200
        except OSError:
            well = False
        finally:
            connection.close()
        found.append((time.perf_counter() - began) * 1000 if well else float("inf"))
        if found[-1] == float("inf"):
            break
    return found


def half_open(port: int, count: int, stack: ExitStack) -> None:
    """Open connections that send the beginning of a request, each kind in turn, and hold them."""
    for _, begun in zip(range(count), itertools.cycle(BEGUN), strict=False):
        held = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        held.sendall(begun)


def percentile(values: list[float], share: int) -> float:
    if float("inf") in values:
        return float("inf")
    return statistics.quantiles(values, n=100)[share - 1]


def health_report(port: int) -> bool:
    """Print the latencies with and without half-open connections; return whether the target is met."""
    health_ms(port, 50)
    without = health_ms(port)
    with ExitStack() as stack:
        half_open(port, HALF_OPEN, stack)
        during = health_ms(port)
    median = statistics.median(without)
    ratio = percentile(during, 99) / median
    for name, values in (("without", without), (f"with {HALF_OPEN}", during)):
        print(f"/health {name:9} half-open connections: p50 {percentile(values, 50):6.1f} ms, "
              f"p99 {percentile(values, 99):6.1f} ms ({len(values)} calls)")  # fmt: skip
    print(f"p99 with them is {ratio:.1f} times the p50 without (promised: at most {MOST_RATIO:.0f})")
    return ratio <= MOST_RATIO


def pages_report(port: int) -> bool:
    """Open pages, have reports written, and print how many updates were lost; return whether none was."""
    pages = [open_page(port) for _ in range(PAGES)]
    heard: list[list[tuple[str, ...]]] = [[] for _ in pages]
    threads = [
        threading.Thread(target=follow, args=(page, seen), daemon=True) for page, seen in zip(pages, heard, strict=True)
    ]
    for thread in threads:
        thread.start()
    ids = {requested(port) for _ in range(REPORTS)}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not all(ended(seen) == ids for seen in heard):
        time.sleep(0.05)  # noqa: TID251 a benchmark takes real time
    updates = set().union(*heard)
    lost = sum(len(updates - set(seen)) for seen in heard)
    print(f"{PAGES} open pages, {REPORTS} reports: {lost} of {PAGES * len(updates)} updates lost (promised: 0)")
    for page in pages:
        with suppress(simple_websocket.ConnectionClosed):
            page.close()
    return lost == 0 and all(ended(seen) == ids for seen in heard)


def ended(seen: list[tuple[str, ...]]) -> set[str]:
    """Return the reports whose end was heard."""
    return {report for report, *_, last in seen if last == "report_completed"}


def follow(page: simple_websocket.Client, seen: list[tuple[str, ...]]) -> None:
    """Collect the updates that this page hears: report, status, sections and kind."""
    with suppress(simple_websocket.ConnectionClosed):
        while True:
            packet = str(page.receive())
            if packet == "2":
                page.send("3")
            elif packet.startswith('42["report_'):
                kind, told = json.loads(packet[2:])
                seen.append((told["report_id"], told["data"]["status"], str(told["data"]["sections_done"]), kind))


def requested(port: int) -> str:
    """Request a report; return its id."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/api/generate", '{"ticker": "AAPL"}', {"Content-Type": "application/json"})
        return str(json.loads(connection.getresponse().read())["report_id"])
    finally:
        connection.close()


def main() -> int:
    """Run the benchmark and return the exit code."""
    command = GUNICORN if "--gunicorn" in sys.argv else ASGI
    with limited() as (what, under, peak), dashboard([*under, sys.executable, *command]) as port:
        well = [health_report(port), call(port, "/health") == 200, pages_report(port)]
        used = f"at most {int(peak.read_text()) >> 20} of " if peak is not None else ""
        print(f"memory, with files in the cache: {used}{LIMIT_MB} MB, enforced by {what}")
    return int(not all(well))


if __name__ == "__main__":
    sys.exit(main())
