"""Options shared by commands, and helpers to run a command."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from ert_deploy.cli.json_document import emit_json
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.provider import InstanceId, instance_id

__all__ = [
    "Duration", "as_id", "complete_instances", "config_option", "confirmed", "emit_json", "interruptible",
    "json_option", "replica_option", "yes_option",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def as_id(_context: click.Context, _parameter: click.Parameter, value: str | None) -> InstanceId | None:
    """The id of an instance as its provider writes it, a number or text. BadParameter for what is none."""
    try:
        return None if value is None else instance_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _complete_configs(_context: click.Context, _parameter: click.Parameter, begin: str) -> list[str]:
    from ert_deploy.app.assist.completion import config_names

    return list(config_names(begin))


def complete_instances(context: click.Context, _parameter: click.Parameter, begin: str) -> list[str]:
    """Return the instances in the state of the config that the command line names so far, for the shell."""
    from ert_deploy.app.assist.completion import instance_ids

    return list(instance_ids(context.params.get("config"), begin))


def config_option(command: F) -> F:
    """Add `-c NAME`: the config, by name or path."""
    return click.option(
        "-c",
        "--config",
        metavar="NAME|PATH",
        envvar="ERT_CONFIG",
        shell_complete=_complete_configs,
        help="Config to use: a name in configs/ or a path. Default: ert with a GPU key (VAST_API_KEY), else sandbox.",
    )(command)


def replica_option(command: F) -> F:
    """Add `--replica K`: one of several machines."""
    most = click.IntRange(1, MOST_REPLICAS)
    about = "Of several machines that of this replica, from 1 on; default: whichever fits."
    return click.option("--replica", type=most, metavar="K", help=about)(command)


def json_option(command: F) -> F:
    """Add `--json`: print one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


class Duration(click.ParamType[float]):
    """A duration such as `90s`, `20m`, `3h`, or a number of seconds; at most `most` seconds."""

    name = "duration"

    def __init__(self, most: float) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. BadParameter for anything else."""
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)", str(value))
        seconds = float(found[1]) * {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}[found[2]] if found else -1.0
        if not 0 <= seconds <= self._most:
            self.fail(f"{value!r} is not a duration up to {self._most / 3600:g}h, such as 90s, 20m or 2h", param, ctx)
        return seconds


def yes_option(command: F) -> F:
    """Add `--yes`: do not prompt."""
    return click.option("-y", "--yes", is_flag=True, help="Do not prompt; required without a terminal.")(command)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the user confirms. Raises UsageError without a terminal unless `--yes` is given."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("this has to be confirmed, and there is no terminal to prompt on", hint="give --yes to agree")
    return click.confirm(question, default=False, err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like Ctrl-C, and Ctrl-C even if the shell has disabled it (`&` in a script).

    Raises Interrupted, with the command and its config.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        from ert_deploy.cli.interrupted import Interrupted

        context = click.get_current_context(silent=True)
        if context is None:
            raise
        raise Interrupted(*_of_the_command(context)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_the_command(context: click.Context) -> tuple[str, str | None]:
    """Return the first word of a command and the value of its `-c`."""
    words = context.command_path.split()
    return words[1] if len(words) > 1 else "", context.params.get("config")
