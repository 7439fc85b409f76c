"""Error output: converts an exception to summary, detail, hint and exit code, without traceback or credentials."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from ert_deploy.cli.streams import say_error
from ert_deploy.core.model.errors import ErtError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
PACKAGE = Path(__file__).resolve().parents[1]


def explain(error: BaseException) -> int:
    """Print the error to stderr and return the exit code."""
    if isinstance(error, ErtError):
        say_error(error.summary, error.detail, error.hint)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _FULL:
        say_error(
            f"nothing more could be written: {os.strerror(error.errno)}",
            hint="free space, or redirect the output; the state on disk is consistent",
        )
        return 1
    # The message of an unexpected error may contain a key; the type and location cannot.
    say_error(
        f"unforeseen {type(error).__name__} at {_place(error)}",
        hint="the state on disk is consistent; run the command again, and please report this line",
    )
    return 1


def _place(error: BaseException) -> str:
    """Return the innermost source line of this package in the traceback."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE):
            return f"{path.relative_to(PACKAGE.parent)}:{frame.lineno}"
    return "a place outside of ert-deploy"
