"""Consent to a run: show its plan and ask on a terminal, or show it alone, or take a plan file instead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ert_deploy.app import look
from ert_deploy.app.deployment import Config, opened
from ert_deploy.cli.view.plan import plan_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.cli.view.sandbox import say_sandbox
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.model.text import printable

F = TypeVar("F", bound=Callable[..., Any])
REFUSED, INTERRUPTED = 1, 130


@dataclass(frozen=True, slots=True)
class Consent:
    """What the options of a command say: no prompt, the plan and nothing else, and the file of a plan."""

    yes: bool
    dry_run: bool
    plan: Path | None


def consent_options(command: F) -> F:
    """Add `--yes`, `--dry-run`, `--plan` and its file alone, and pass them on as one `consent`."""

    @wraps(command)
    def wrapped(*args: Any, yes: bool, dry_run: bool, plan_file: Path | None, file: Path | None, **options: Any) -> Any:
        return command(*args, consent=Consent(yes, dry_run, _chosen(plan_file, file)), **options)

    for option in (
        click.argument("file", type=click.Path(path_type=Path), metavar="[FILE]", required=False),
        click.option(
            "--plan",
            "plan_file",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Execute a file of `plan --out` without a question, as FILE alone does; refused if anything has "
            "changed since.",
        ),
        click.option("--dry-run", is_flag=True, help="Show the plan, and change nothing."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask; without a terminal nothing is asked anyway."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def _chosen(option: Path | None, argument: Path | None) -> Path | None:
    """Return the plan file. Raises UsageError for two of them, and for a word that is no file: a config, mostly."""
    if argument is None:
        return option
    word = printable(str(argument))
    if option is not None:
        raise UsageError(f"--plan {printable(str(option))} and {word} are two plans", hint="give one of them")
    if not argument.is_file():
        raise UsageError(f"there is no plan file {word}", hint=f"`-c {word}` chooses the config of that name")
    return argument


def asked(config: str | None, phase: Phase, consent: Consent, *, begin: bool = True, now: bool = False) -> Config:
    """Return what to run with once the user agrees. Raises `Exit`: 0 after a dry run, 1 if the user declines."""
    if not consent.dry_run and (consent.yes or consent.plan is not None or not on_a_terminal()):
        return config
    deployment = opened(config, going_down=phase is Phase.ABSENT)
    if phase is not Phase.RUNNING and not deployment.sandbox_runs():
        if consent.dry_run:
            click.echo(f"{deployment.name}: nothing to do, its sandbox is not running")
            raise click.exceptions.Exit(0)
        return deployment
    try:
        with make_view() as view:
            starts = phase is Phase.RUNNING and not consent.dry_run
            plan = look.plan(deployment, phase, begin=begin, now=now, start_sandbox=starts, progress=view)
    except ErtError as error:
        if phase is not Phase.ABSENT or consent.dry_run:
            raise
        click.echo(f"what exists is not known, and is destroyed all the same: {error.summary}", err=True)
        _ask()
        return deployment
    say_sandbox(plan.sandbox, err=not consent.dry_run)
    for line in plan_lines(plan):
        click.echo(line, err=not consent.dry_run)
    if consent.dry_run:
        raise click.exceptions.Exit(0)
    fails = any(finding.stops for one in plan.every for finding in one.findings)
    if any(one.steps for one in plan.every) and not fails:
        _ask()
    return deployment


def on_a_terminal() -> bool:
    """Whether a user reads the output and can type."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask() -> None:
    try:
        agreed = click.confirm("Proceed?", default=False, err=True)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nnothing was changed", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not agreed:
        click.echo("nothing was changed", err=True)
        raise click.exceptions.Exit(REFUSED)
