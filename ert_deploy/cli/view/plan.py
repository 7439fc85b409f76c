"""Lines and JSON fields of a plan: machines and variables with `+ ~ - -/+`, interruptions, cost, and every step."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ert_deploy.app.preview import Plan
from ert_deploy.cli.rows import columns
from ert_deploy.cli.view.lines import symbol, verb
from ert_deploy.cli.view.offer import money, offer_document, offer_lines
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.steps import Step
from ert_deploy.core.model.text import printable, span
from ert_deploy.core.planning.changes.summary import Kind, Machine, Summary, Variable

SHORT = 120.0  # s up to which a duration is told in seconds
COMMANDS = {Phase.RUNNING: "up", Phase.ASLEEP: "sleep", Phase.ABSENT: "down"}
VERBS = {Kind.CREATE: "rent", Kind.CHANGE: "change", Kind.REMOVE: "remove", Kind.REPLACE: "replace"}


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines that fit the terminal, without one 80 columns. No value of a variable is in it."""
    for one in plan.every:
        yield from _lines(one)
    yield from _together(plan)
    if plan.kept is not None:
        yield from _wrapped("  $ ", _kept(plan, plan.kept))


def _together(plan: Plan) -> Iterator[str]:
    """Yield what the offers of several replicas cost together."""
    found = [(one.offer.estimate, one.hours) for one in plan.every if one.offer is not None]
    if len(found) > 1:
        whole = money(sum(cost.expected() for cost, _ in found))
        rate = sum(cost.hourly for cost, _ in found)
        yield from _wrapped("", f"together {len(found)} machines: ${rate:.4f}/h, {whole} with {found[0][1]:g} h")


def _kept(plan: Plan, month: float) -> str:
    """Return what it costs that some machines stay up, and until when they do."""
    which = "1 machine stays" if plan.awake == 1 else f"{plan.awake} machines stay"
    limit = plan.situation.desired.launch.guard.idle_stop if plan.situation is not None else 0
    after = f" {span(limit)} after its last word" if limit else " by the other limits of its guard"
    return (
        f"{which} up while an agent runs: {money(month)} a month, used or not (replicas/min); without an agent each"
        f" stops{after}"
    )


def _lines(plan: Plan) -> Iterator[str]:
    """Yield the plan of one replica."""
    yield _title(plan)
    if plan.server:
        yield from _wrapped("  = ", f"the apps use the server at {plan.server}, and no machine")
    for machine in plan.summary.machines:
        yield from _machine(machine)
    yield from _variables(plan.summary.variables)
    for one in plan.summary.interruptions:
        yield from _wrapped("  ! ", one.what + (f" ({_span(one.seconds)} at most)" if one.seconds else ""))
    if plan.offer is not None:
        yield f"the best of {plan.matching} offers that match:"
        yield from offer_lines(plan.offer, plan.hours, plan.between)
    yield from _hosting(plan)
    if plan.steps:
        steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps)} steps, each planned again before it is taken"
        yield f"{steps}:"
    for step in plan.steps:
        yield from _wrapped(f"  {symbol(step)} ", f"{verb(step)}  ({step.reason})")
    for number in plan.others:
        yield from _wrapped("  ! ", f"instance {number} is another owner's and is not changed")
    for finding in plan.findings:
        fails = f"{COMMANDS[plan.phase]} would fail: " if finding.stops else ""
        yield from _wrapped("  ! ", f"{fails}{finding.what} ({finding.hint})")


def _hosting(plan: Plan) -> Iterator[str]:
    """Yield what the Blueprint creates at Render with its prices."""
    if plan.hosting is None:
        return
    more = " and what is not known" if any(part.month is None for part in plan.hosting.parts) else ""
    yield f"at Render, by its published prices of {plan.hosting.as_of}: {money(plan.hosting.month)} a month{more}"
    for part in plan.hosting.parts:
        many = f"{part.count} x " if part.count > 1 else ""
        yield f"  {many}{part.what}: {'not known' if part.month is None else money(part.month)}"


def _title(plan: Plan) -> str:
    if not plan.steps:
        return f"{plan.deployment}: nothing to do"
    found = _counts(plan.summary)
    said = ", ".join(f"{count} to {name}" for name, count in found.items() if count)
    return f"{plan.deployment}: {said}" if said else f"{plan.deployment}: no machine or variable changes"


def _counts(summary: Summary) -> dict[str, int]:
    kinds = [*(one.kind for one in summary.machines), *(one.kind for one in summary.variables)]
    return {
        "create": kinds.count(Kind.CREATE),
        "change": kinds.count(Kind.CHANGE),
        "replace": kinds.count(Kind.REPLACE),
        "remove": kinds.count(Kind.REMOVE),
    }


def _machine(machine: Machine) -> Iterator[str]:
    name = f"instance {machine.instance_id}" if machine.instance_id is not None else "an instance"
    yield from _wrapped(f"  {machine.kind} ", f"{VERBS[machine.kind]} {name}: {machine.why}")
    for one in machine.differences:
        yield from _wrapped("      ", f"{one.key}: {printable(one.before)} -> {printable(one.after)}")


def _variables(variables: Iterable[Variable]) -> Iterator[str]:
    for one in variables:
        notes = [note for note, is_so in (("known after boot", one.late), ("secret", one.secret)) if is_so]
        yield from _wrapped(
            f"  {one.kind} ", f"{one.service}: {one.name}" + (f" ({', '.join(notes)})" if notes else "")
        )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < SHORT else span(seconds)


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        columns(),
        initial_indent=start,
        subsequent_indent=" " * (len(start) + 2),
        break_on_hyphens=False,
    )


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the same for JSON."""
    summary = plan.summary
    return {
        "deployment": plan.deployment,
        "command": COMMANDS[plan.phase],
        "steps": [step_document(step) for step in plan.steps],
        "machines": [asdict(one) for one in summary.machines],
        "variables": [asdict(one) for one in summary.variables],
        "interruptions": [asdict(one) for one in summary.interruptions],
        "findings": [{"what": f.what, "hint": f.hint, "stops": f.stops} for f in plan.findings],
        "offer": offer_document(plan.offer) if plan.offer else None,
        "cost": _range(plan),
        "matching": plan.matching,
        "hours": plan.hours,
        "sandbox": plan.sandbox,
        "server": plan.server or None,
        "hosting": asdict(plan.hosting) if plan.hosting else None,
        **({"kept_up": {"machines": plan.awake, "month_usd": round(plan.kept, 2)}} if plan.kept is not None else {}),
        **({"replicas": [plan_document(one) for one in plan.replicas]} if plan.replicas else {}),
    }


def _range(plan: Plan) -> dict[str, float] | None:
    """Return the $ for the planned hours and all before them that this share of the runs stays within."""
    if plan.between is None:
        return None
    return {
        "p5": round(plan.between.low, 4),
        "p95": round(plan.between.high, 4),
        "share": round(plan.between.share, 2),
    }


def step_document(step: Step) -> dict[str, Any]:
    """Return one step for JSON."""
    return {"step": type(step).__name__, "symbol": symbol(step), "what": verb(step), "why": step.reason}
