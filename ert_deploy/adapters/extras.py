"""Optional dependencies: packages that only some commands need, each installed with an extra of `ert-deploy`."""

from __future__ import annotations

import importlib.util
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
        raise _missing((error.name or "a package").partition(".")[0], extra, what) from None


def must_have(package: str, extra: str, what: str) -> None:
    """Raise `UsageError` with the install command if the package of an extra is absent. Does not import it."""
    if importlib.util.find_spec(package) is None:
        raise _missing(package, extra, what)


def _missing(package: str, extra: str, what: str) -> UsageError:
    return UsageError(
        f"{what} needs {package}, which is not installed",
        hint=f"it is part of the extra {extra}: pip install 'ert-deploy[{extra}]', or, where the runtime lock was "
        f"installed, pip install --no-deps --require-hashes -r requirements/{extra}.lock",
    )
