"""Options shared by commands, and helpers to run a command."""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.provider import InstanceId, instance_id
from ert_deploy.core.redaction import clean

F = TypeVar("F", bound=Callable[..., Any])


def as_id(_context: click.Context, _parameter: click.Parameter, value: str | None) -> InstanceId | None:
    """The id of an instance as its provider writes it, a number or text. BadParameter for what is none."""
    try:
        return None if value is None else instance_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def config_option(command: F) -> F:
    """Add `-c NAME`: the config, by name or path."""
    return click.option(
        "-c",
        "--config",
        metavar="NAME|PATH",
        envvar="ERT_CONFIG",
        help="Config to use: a name in configs/ or a path. Default: ert with a GPU key (VAST_API_KEY), else sandbox.",
    )(command)


def json_option(command: F) -> F:
    """Add `--json`: print one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def emit_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document on stdout, in one line without `indent`. Infinities and NaN become null (JSON has none).

    Control characters and runner commands are escaped, so that the content is the same but has no effect.
    """
    text = json.dumps(_known(value), indent=indent, ensure_ascii=False, allow_nan=False)
    text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    click.echo(text.replace("##[", "#\\u0023["))


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(str(name)): _known(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    if isinstance(value, str):
        return clean(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
    """Handle SIGTERM and SIGHUP like Ctrl-C, and Ctrl-C even if the shell has disabled it (`&` in a script)."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
