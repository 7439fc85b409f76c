"""Causes on the way to the facts: config, keys, state, account, providers, images, market."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause, Rank
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.verdict.links import Level, Link, Name

CLOCK_OFF = 900.0  # s between the clocks: many times what a call takes, also where a sandbox plays an hour a minute
LONG_HELD = 1800.0  # s after which a run that holds the lock is taken for one that hangs
FIRST = tuple(Source)
WHY = {
    Source.CONFIG: "no command but `down` works with this config",
    Source.SETUP: "commands that need it stop before they change anything",
    Source.SANDBOX: "the deployment lives in the sandbox, and nothing of it can be reached",
    Source.STATE: "no command may act on a state that it cannot read or trust; `down` works by the marks",
    Source.ACCOUNT: "no conclusion about this deployment can be drawn with this key",
    Source.GPU: "which machines exist and bill is not known",
    Source.WEB: "what the apps use is not known, and they cannot be moved to another backend",
    Source.APP: "`up` stops here before it rents anything",
    Source.IMAGE: "no host could start the next machine, and `up` refuses to rent one for it",
    Source.MARKET: "`up` and `wake` cannot rent a machine",
}
FIX = {
    Source.CONFIG: "correct the line that it names, then `ert-deploy plan`",
    Source.SETUP: "set it, then `ert-deploy doctor`",
    Source.SANDBOX: "`ert-deploy sandbox start`",
    Source.STATE: "`ert-deploy state show` reports more; `ert-deploy state rebuild` makes one from what exists",
    Source.ACCOUNT: "use the key of the account that rented it",
    Source.GPU: "try again in a minute, then from another network",
    Source.WEB: "try again in a minute; check the key of the web host",
    Source.APP: "see RUNBOOK.md, `up` rejects the service",
    Source.IMAGE: "correct launch/image or launch/model in the config",
    Source.MARKET: "loosen a filter in the `offer` section, or `ert-deploy up --wait-for-offer 2h`",
}
COUNTED = {Source.CONFIG: 3, Source.MARKET: 1}  # their summary counts what their detail has: lines of it to show
# Links that follow from a problem of one app.
ABOUT = {Source.APP: (Name.APP,), Source.WEB: (Name.APP_CONFIG, Name.APP)}
LATE = frozenset({Source.IMAGE, Source.MARKET})  # they stop the next machine, not the one that serves


def of_problems(evidence: Evidence) -> Iterator[Cause]:
    """Yield a cause for each problem that was met, and for a lock that is not given back."""
    for problem in evidence.problems:
        yield _of_problem(problem)
    if abs(evidence.clock) >= CLOCK_OFF:
        ahead = "ahead of" if evidence.clock > 0 else "behind"
        yield Cause(
            "clock",
            Rank.PROBLEM + FIRST.index(Source.SETUP),
            f"this computer's clock is {abs(evidence.clock) / 3600:.1f} h {ahead} the provider's",
            "times in the state, logs and plan are wrong here, and certificates may seem expired or not valid yet",
            "set it (NTP), then `ert-deploy doctor`",
        )
    if evidence.holder and evidence.by_hand:
        yield Cause(
            "lock",
            Rank.PROBLEM,
            f"{evidence.holder} has locked it by hand {evidence.held / 60:.0f} min ago",
            "every command that changes something stops with exit code 3",
            "`ert-deploy state unlock` when the maintenance is over",
        )
    elif evidence.holder and evidence.held >= LONG_HELD:
        yield Cause(
            "lock",
            Rank.PROBLEM,
            f"{evidence.holder} holds the lock for {evidence.held / 60:.0f} min",
            "every other command on this deployment stops with exit code 3",
            "end that process, or `ert-deploy state unlock` if it is gone",
        )


def _of_problem(problem: Problem) -> Cause:
    source = problem.source
    return Cause(
        source.name.lower(),
        (Rank.NEXT if source in LATE else Rank.PROBLEM) + FIRST.index(source),
        _seen(problem),
        WHY[source],
        problem.hint or FIX[source],
        of=f"{Name.APP} {problem.subject}" if problem.subject and source is Source.APP else "",
        explains=frozenset(f"{name} {problem.subject}" for name in ABOUT.get(source, ()) if problem.subject),
        detail=problem.detail,
    )


def _seen(problem: Problem) -> str:
    """Return the summary; where that only counts, with the first few that are counted."""
    lines = [line.strip() for line in problem.detail.splitlines() if line.strip()][: COUNTED.get(problem.source, 0)]
    return f"{problem.summary}: {'; '.join(lines)}" if lines else problem.summary


def of_unread(links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield one cause for each provider that did not answer: several links have it, each by its own call."""
    told: set[Source] = set()
    for link in links:
        source = Source.WEB if link.name is Name.APP_CONFIG else Source.GPU
        if link.unclear and link.level is Level.UNKNOWN and source not in told:
            told.add(source)
            yield Cause("unread", Rank.PROBLEM + FIRST.index(source), link.why, WHY[source], FIX[source])


def of_failures(evidence: Evidence) -> Iterator[Cause]:
    """Yield what ended the last launch, where nothing serves since then."""
    facts = evidence.facts
    if not evidence.failures or (facts is not None and facts.main is not None and not facts.sleeps):
        return
    if facts is not None and facts.server is not None:
        return  # nothing is rented any more
    last = evidence.failures[-1]
    code = f", exit code {last.exit_code}" if last.exit_code else ""
    same = sum(one.reason == last.reason for one in evidence.failures)
    again = f" ({same} machines failed alike)" if same > 1 else ""
    host = f"host: {last.message}\n" if last.message else ""
    yield Cause(
        "launch",
        Rank.PROBLEM + len(FIRST),
        f"the last machine, instance {last.id}, failed: {last.reason}{code}{again}",
        "nothing serves since then; below is what it left",
        "correct what its last lines name, then `ert-deploy up`; `ert-deploy offers` lists the hosts that are avoided",
        detail=host + last.log,
    )
