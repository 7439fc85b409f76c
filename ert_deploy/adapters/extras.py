"""Optional dependencies: packages that only some commands need, each installed with an extra of `ert-deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ert_deploy.core.model.errors import UsageError


@contextmanager
def part_of(extra: str, what: str) -> Iterator[None]:
    """Import packages of `extra` inside this block; raise `UsageError` with the install command if one is absent.

    `what` is the feature that needs them, for the message.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise UsageError(
            f"{what} needs {package}, which is not installed",
            hint=f"it is part of the extra {extra}: pip install 'ert-deploy[{extra}]', or, where the runtime lock was "
            f"installed, pip install --no-deps --require-hashes -r requirements/{extra}.lock",
        ) from None
