"""Check of the last report: whether a machine that calls itself healthy still writes them."""

from __future__ import annotations

from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import span
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.links import Level, Link, Missing, Name
from ert_deploy.core.verdict.machine import SLEEPS


def last_report(facts: Facts) -> Link | None:
    """Return the link of the last report; None without an instance."""
    found = facts.main
    if found is None:
        return None
    subject = found.instance.id
    figures = facts.figures.get(subject, Missing(SLEEPS if facts.sleeps else "the backend was not asked"))
    if isinstance(figures, Missing):
        return Link(Name.REPORT, Level.UNKNOWN, "written", "not known", figures.reason, subject, needed=False)
    last = figures.last
    if last is None:
        return _counted(figures, subject)
    ago = f"{span(last.age)} ago{_of(figures)}"
    if last.written:
        return Link(Name.REPORT, Level.GOOD, "written", f"written {ago}", subject=subject)
    return Link(Name.REPORT, Level.BAD, "written", f"failed {ago}", last.error or "no reason given", subject)


def _counted(figures: Figures, subject: InstanceId) -> Link:
    """Judge by the counts alone, as of an older image: without one that was written, all that failed count."""
    if figures.failed and not figures.written:
        why = "every report since its process started has failed: `ert-deploy logs` has the reasons"
        return Link(Name.REPORT, Level.BAD, "written", f"{figures.failed} failed", why, subject)
    seen = f"none{_of(figures)}" if not figures.failed else f"not known{_of(figures)}"
    why = (
        "no report was finished since its process started" if not figures.failed else "its image does not report which"
    )
    return Link(Name.REPORT, Level.UNKNOWN, "written", seen, why, subject, needed=False)


def _of(figures: Figures) -> str:
    if figures.written is None or not figures.failed:
        return ""
    return f" ({figures.failed} of {figures.failed + figures.written} failed)"
