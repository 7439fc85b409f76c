"""The whole diagnosis: every rule, ranked; nothing wrong is an empty list."""

from __future__ import annotations

from ert_deploy.core.diagnosis.cause import Cause, ranked
from ert_deploy.core.diagnosis.deploys import of_deploys
from ert_deploy.core.diagnosis.evidence import Evidence
from ert_deploy.core.diagnosis.links import of_links
from ert_deploy.core.diagnosis.runs import of_runs
from ert_deploy.core.diagnosis.server import of_server
from ert_deploy.core.diagnosis.setup import of_failures, of_problems, of_unread
from ert_deploy.core.verdict.judge import links


def diagnose(evidence: Evidence) -> tuple[Cause, ...]:
    """Return the causes, most likely first. What is slow, unknown without need, or stopped as wanted is none."""
    found = links(evidence.facts) if evidence.facts is not None else ()
    return ranked(
        (
            *of_problems(evidence),
            *of_unread(found),
            *of_failures(evidence),
            *of_server(evidence, found),
            *of_deploys(evidence, found),
            *of_runs(evidence),
            *of_links(evidence, found),
        )
    )
