"""Causes on the way to the facts: config, keys, state, account, providers, images, market."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.diagnosis.cause import Cause, Rank
from ert_deploy.core.diagnosis.evidence import Evidence, Problem, Source
from ert_deploy.core.verdict.links import Level, Link, Name

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
LATE = frozenset({Source.IMAGE, Source.MARKET})  # they stop the next machine, not the one that serves


def of_problems(evidence: Evidence) -> Iterator[Cause]:
    """Yield a cause for each problem that was met, and for a lock that is not given back."""
    for problem in evidence.problems:
        yield _of_problem(problem)
    if evidence.holder and evidence.held >= LONG_HELD:
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
        problem.summary,
        WHY[source],
        problem.hint or FIX[source],
        of=f"{Name.APP} {problem.subject}" if problem.subject else "",
        explains=frozenset({f"{Name.APP} {problem.subject}"}) if problem.subject else frozenset(),
        detail=problem.detail,
    )


def of_unread(links: tuple[Link, ...]) -> Iterator[Cause]:
    """Yield a cause for each provider that did not answer; two links may have it."""
    for link in links:
        if link.unclear and link.level is Level.UNKNOWN:
            source = Source.WEB if link.name is Name.APP_CONFIG else Source.GPU
            yield Cause("unread", Rank.PROBLEM + FIRST.index(source), link.why, WHY[source], FIX[source])


def of_failures(evidence: Evidence) -> Iterator[Cause]:
    """Yield what ended the last launch, where nothing serves since then."""
    facts = evidence.facts
    if not evidence.failures or (facts is not None and facts.main is not None and not facts.sleeps):
        return
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
