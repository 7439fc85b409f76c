"""`/v1` of three machines through HAProxy under the load of Locust: failures, response times, the share of each."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.core.model.secret import Secret
from ert_deploy.proxy.servers import ProxyServer
from ert_deploy.sandbox.ollama.weights import default_cache, ensure_model
from tests.support.llm_engine.servers import machine
from tests.support.proxy.running import HAPROXY, Running, running
from tests.support.proxy.running import machines as doubles

USER = Path(__file__).with_name("load_user.py")
MACHINES = 3
LEAST_SHARE = 0.6  # of an equal one


@dataclass(frozen=True)
class Measured:
    """What Locust counted; `times` has the number of responses by milliseconds, which it rounds to two digits."""

    requests: int
    failures: int
    seconds: float
    times: Mapping[int, int]

    def quantile(self, share: float) -> float:
        """Return the seconds within which that share of the responses was there."""
        left = math.ceil(share * sum(self.times.values()))
        for time, count in sorted(self.times.items()):
            left -= count
            if left <= 0:
                return time / 1000
        return 0.0


@contextmanager
def real(count: int) -> Iterator[list[ProxyServer]]:
    """Run whole machines (guard, backend, llama.cpp with the small model), each with a key of its own."""
    with ExitStack() as stack:
        found = []
        for number in range(1, count + 1):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            key = f"ert-key-of-replica-{number}"
            more = {"ERT_KEY_HASHES": hashlib.sha256(key.encode()).hexdigest(), "ERT_PROBE_SLOTS": "off"}
            one = stack.enter_context(machine(ensure_model(default_cache()), folder, **more))
            pem = (one.data / "tls-cert.pem").read_text()
            found.append(ProxyServer(number, f"https://127.0.0.1:{one.port}", pem, Secret(key)))
        yield found


@contextmanager
def doubled(count: int, service_s: float) -> Iterator[list[ProxyServer]]:
    """Run doubles that take `service_s` seconds for each request."""
    with doubles(count, service_s) as found:
        yield [one.replica(number) for number, one in enumerate(found, 1)]


def load(locust: Path, url: str, clients: int, seconds: int) -> Measured:
    """Have Locust send requests; raises `RuntimeError` with what it wrote if it reports nothing."""
    amount = ["--users", str(clients), "--spawn-rate", str(clients), "--run-time", f"{seconds}s"]
    quiet = ["--headless", "--json", "--loglevel", "WARNING", "--stop-timeout", "60"]
    command = [str(locust), "-f", str(USER), "--host", url, *quiet, *amount]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 150, check=False)
    try:
        (row,) = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"Locust reports nothing: {done.stderr[-2000:]}") from None
    times = {int(time): int(count) for time, count in row["response_times"].items()}
    return Measured(row["num_requests"], row["num_failures"], row["last_request_timestamp"] - row["start_time"], times)


def shares(proxy: Running) -> Counter[str]:
    """Return how many requests HAProxy has sent to each machine, by its name in the first stage."""
    names, *rows = proxy.admin("show stat")[0].removeprefix("# ").splitlines()
    found = (dict(zip(names.split(","), row.split(","), strict=False)) for row in rows if row)
    return Counter({row["svname"]: int(row["stot"] or 0) for row in found if _is_machine(row)})


def _is_machine(row: Mapping[str, str]) -> bool:
    return row["pxname"] == "llm" and row["svname"] not in ("FRONTEND", "BACKEND")


def table(found: Measured, sent: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of both tables, as Markdown."""
    yield "| requests | failed | per second | p50 | p95 |\n|---|---|---|---|---|"
    rate, p50, p95 = found.requests / max(found.seconds, 1e-9), found.quantile(0.5), found.quantile(0.95)
    yield f"| {found.requests} | {found.failures} | {rate:.2f} | {p50:.2f} s | {p95:.2f} s |\n"
    yield "| machine | requests | share |\n|---|---|---|"
    for name, count in sorted(sent.items()):
        yield f"| {name} | {count} | {count / max(1, sum(sent.values())):.0%} |"


def good(found: Measured, sent: Mapping[str, int]) -> bool:
    """Whether nothing failed, and no machine had much less than the others."""
    least = LEAST_SHARE * sum(sent.values()) / max(1, len(sent))
    return found.requests > 0 and not found.failures and bool(sent) and min(sent.values()) >= least


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables; return 1 if a request failed or a machine had less than LEAST_SHARE of an equal share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locust", type=Path, help="Locust's program")
    parser.add_argument("--clients", type=int, default=6, help="requests that are open at a time")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--service", type=float, help="doubles that take so many seconds, in place of the small model")
    options = parser.parse_args(argv)
    if HAPROXY is None:
        parser.error("HAProxy is not installed (apt-get install haproxy)")
    machines = doubled(MACHINES, options.service) if options.service else real(MACHINES)
    with machines as servers, running(servers) as proxy:
        found = load(options.locust, f"http://127.0.0.1:{proxy.proxy.port}", options.clients, options.seconds)
        sent = shares(proxy)
    print("\n".join(table(found, sent)))
    return int(not good(found, sent))


if __name__ == "__main__":
    sys.exit(main())
