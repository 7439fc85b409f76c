"""The options that commands share, and the way a command is run against a deployment."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.redaction import clean

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`-c NAME`: which config, by name or path."""
    return click.option(
        "-c",
        "--config",
        metavar="NAME|PATH",
        envvar="ERT_CONFIG",
        help="Config to use: a name in configs/ or a path. Default: ert when VAST_API_KEY is set, else sandbox.",
    )(command)


def json_option(command: F) -> F:
    """`--json`: one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def emit_json(value: Any) -> None:
    """One JSON document on stdout. A number that is not known is null there: JSON has no NaN.

    What a terminal or a runner would obey is escaped, so that the document means the same and commands nobody.
    """
    text = json.dumps(_known(value), indent=2, ensure_ascii=False, allow_nan=False)
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


def yes_option(command: F) -> F:
    """`--yes`: do not ask."""
    return click.option("-y", "--yes", is_flag=True, help="Do not prompt; required without a terminal.")(command)


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees. UsageError where there is nobody to ask and `--yes` was not given."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("this has to be confirmed, and there is no terminal to prompt on", hint="give --yes to agree")
    return click.confirm(question, default=False, err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end a run the way Ctrl-C does, also where Ctrl-C was switched off for us (`&` in a script)."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
