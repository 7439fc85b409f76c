"""Dependency check: reports missing packages of the extra `sandbox` before a process fails to import them."""

from __future__ import annotations

import importlib.util

from ert_deploy.sandbox.world.file import WorldError

PACKAGES = ("fastapi", "flask", "gunicorn", "numpy", "uvicorn")  # those that are required at startup


def must_be_installed() -> None:
    """Check the packages. Raises `WorldError` with the names of missing ones and how to install them."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise WorldError(
            f"the sandbox needs {', '.join(missing)}, which are not installed: they are in the extra sandbox, "
            "pip install 'ert-deploy[sandbox]', or with `make demo` in a checkout"
        )
