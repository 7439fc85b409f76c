"""Send abusive input to the backend: `python -m tests.abuse [-n COUNT] [-s SEED]`; exit code 1 when a check fails."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.abuse.half_open import half_open
from tests.abuse.reports import answers, reports
from tests.abuse.rotation import rotate
from tests.abuse.run import corpus, play, play_reports, table
from tests.abuse.stage import stage
from tests.support.doubles.scripted_ollama import ScriptedOllama

ALLOWED_P99, ROTATIONS = 2.0, 24


def say(text: str) -> None:
    """Print one line of the summary and flush."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def abuse_reports(count: int, seed: int) -> list[str]:
    """Request reports with every type of value and text; return the failed checks."""
    inputs = list(reports(count, seed))
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), answers) as servers:
        tally, health = await play_reports(inputs, servers)
    say(table(tally))
    p50, p99, most = (health.at(share) for share in (0.5, 0.99, 1.0))
    say(
        f"{tally.sent} reports asked for, {tally.distinct} distinct; /health asked {len(health.times)} times meanwhile,"
    )
    say(f"    {health.failed} failed, p50 {p50:.3f} s, p99 {p99:.3f} s, max {most:.3f} s")
    slow = health.failed or p99 > ALLOWED_P99 or not health.times
    return [*tally.problems(), *([f"/health while reports were written: {health.failed} failed"] if slow else [])]


async def abuse(count: int, many_reports: int, seed: int, rotations: int) -> int:
    """Run all parts; return the number of problems."""
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as servers:
        inputs = corpus(count, seed)
        tally = await play(inputs, servers)
        say(table(tally))
        say(f"\n{tally.sent} inputs sent, {tally.distinct} distinct, seed {seed}")
        say(f"body bytes of strangers read by the servers: {tally.stranger_bytes:.0f}")
        say(f"canaries or secrets in logs, metrics, audit and disk: {len(tally.leaks)}")
        problems = tally.problems()
        for shared in (False, True):
            waited = await half_open(servers, shared)
            say(f"half-open connections {waited.where}: up to {waited.held} held, {waited.asked} requests with a key,")
            say(f"    {waited.failed} failed, p50 {waited.p50:.3f} s, p99 {waited.p99:.3f} s")
            if waited.failed or waited.p99 > ALLOWED_P99:
                problems.append(f"half-open connections {waited.where}: {waited}")
    problems += await abuse_reports(many_reports, seed)
    with tempfile.TemporaryDirectory() as folder, ScriptedOllama() as ollama:
        turned = await rotate(Path(folder), ollama.host, rotations)
    say(
        f"rotations: {turned.rotations} with {turned.restarts} restarts, {turned.asked} concurrent requests, "
        f"{len(turned.failed)} failed, old key refused after {turned.old_refused} of {turned.rotations} drops"
    )
    if turned.failed or turned.old_refused < turned.rotations or (rotations >= ROTATIONS and turned.asked < 10_000):
        problems.append(f"rotations: {turned}")
    for problem in problems[:50]:
        say(f"PROBLEM {problem}")
    say("clean" if not problems else f"{len(problems)} problems")
    return len(problems)


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.abuse", description=__doc__)
    parser.add_argument("-n", type=int, default=10_500, help="how many inputs, the curated ones included")
    parser.add_argument("-f", type=int, default=20_000, help="how many reports with impossible figures")
    parser.add_argument("-s", type=int, default=None, help="the seed of the generated ones")
    parser.add_argument("-r", type=int, default=ROTATIONS, help="how many key rotations under load")
    given = parser.parse_args()
    seed = given.s if given.s is not None else secrets.randbelow(10**9)
    say(f"seed {seed}")
    return 1 if asyncio.run(abuse(given.n, given.f, seed, given.r)) else 0


if __name__ == "__main__":
    sys.exit(main())
