"""Turns an error into what a person reads: summary, detail, hint, exit code. Never a traceback, never a secret."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

import click

from ert_deploy.core.model.errors import ErtError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
PACKAGE = Path(__file__).resolve().parents[1]


def explain(error: BaseException) -> int:
    """Print the error to stderr and return the exit code."""
    if isinstance(error, ErtError):
        click.secho("error: ", err=True, nl=False, fg="red", bold=True)
        click.echo(error.summary, err=True)
        for line in error.detail.splitlines():
            click.echo(f"  {line.rstrip()}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        return error.exit_code
    click.secho("error: ", err=True, nl=False, fg="red", bold=True)
    if isinstance(error, OSError) and error.errno in _FULL:
        click.echo(f"nothing more could be written: {os.strerror(error.errno)}", err=True)
        click.echo("hint: make room, or send the output elsewhere; the state on disk is consistent", err=True)
        return 1
    # The message of an unforeseen error may quote anything, a key included; its kind and place cannot.
    click.echo(f"unforeseen {type(error).__name__} at {_place(error)}", err=True)
    click.echo("hint: the state on disk is consistent; run the command again, and please report this line", err=True)
    return 1


def _place(error: BaseException) -> str:
    """The innermost line of our own code the error passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE):
            return f"{path.relative_to(PACKAGE.parent)}:{frame.lineno}"
    return "a place outside of ert-deploy"
