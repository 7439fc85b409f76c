"""Says which packages of the extra `sandbox` are missing, before a process of the world fails for want of one."""

from __future__ import annotations

import importlib.util

from ert_deploy.sandbox.world.file import WorldError

PACKAGES = ("fastapi", "flask", "gunicorn", "numpy", "uvicorn")  # of those that its processes cannot do without


def must_be_installed() -> None:
    """Raises WorldError with what to install."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise WorldError(
            f"the sandbox needs {', '.join(missing)}, which are not installed: they come with the extra sandbox, "
            "pip install 'ert-deploy[sandbox]', or with `make demo` in a checkout"
        )
