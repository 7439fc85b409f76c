"""Packages that only some commands need: each comes with an extra of ours, which is named where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ert_deploy.core.model.errors import UsageError


@contextmanager
def part_of(extra: str, what: str) -> Iterator[None]:
    """Imports made within are `extra`'s. Raises UsageError, with what to install, where one is missing.

    `what` needs them, in words for a person.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise UsageError(
            f"{what} needs {package}, which is not installed",
            hint=f"it comes with the extra {extra}: pip install 'ert-deploy[{extra}]', or, where the runtime lock was "
            f"installed, pip install --no-deps --require-hashes -r requirements/{extra}.lock",
        ) from None
