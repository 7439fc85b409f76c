"""ert-deploy: a private LLM for a web app on a rented GPU, removed when it is no longer used.

All commands are available as functions with typed results (`docs/library.md`): `from ert_deploy import up, down`. They
are imported on first use, so that `ert-deploy --help` stays fast.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ert_deploy.app.decide import adopt, destroy, ignore
    from ert_deploy.app.deployment import Deployment, Progress, open_deployment
    from ert_deploy.app.images import Pushed, build_image, push_image
    from ert_deploy.app.lifecycle import down, sleep, up, wake
    from ert_deploy.app.look import plan
    from ert_deploy.app.offers import Offers, offers
    from ert_deploy.app.outcome import Backend, Outcome, Service
    from ert_deploy.app.preview import Plan
    from ert_deploy.app.reap import Strays, find_strays, reap
    from ert_deploy.app.report import report
    from ert_deploy.app.rotate import Rotation, rotate
    from ert_deploy.app.running.container_log import Log, logs
    from ert_deploy.app.status.read import status
    from ert_deploy.app.status.result import Status
    from ert_deploy.config.yaml.problems import ConfigProblems
    from ert_deploy.core.model.desired import Phase
    from ert_deploy.core.model.errors import Busy, CannotObserve, ErtError, Failed, NeedsAttention, UsageError

__all__ = [
    "Backend", "Busy", "CannotObserve", "ConfigProblems", "Deployment", "ErtError", "Failed", "Log", "NeedsAttention",
    "Offers", "Outcome", "Phase", "Plan", "Progress", "Pushed", "Rotation", "Service", "Status", "Strays", "UsageError",
    "adopt", "build_image", "destroy", "down", "find_strays", "ignore", "logs", "offers", "open_deployment", "plan",
    "push_image", "reap", "report", "rotate", "sleep", "status", "up", "wake",
]  # fmt: skip

_WHERE = {
    "app.decide": "adopt destroy ignore",
    "app.deployment": "Deployment Progress open_deployment",
    "app.images": "Pushed build_image push_image",
    "app.lifecycle": "down sleep up wake",
    "app.running.container_log": "Log logs",
    "app.look": "plan",
    "app.offers": "Offers offers",
    "app.outcome": "Backend Outcome Service",
    "app.preview": "Plan",
    "app.reap": "Strays find_strays reap",
    "app.report": "report",
    "app.rotate": "Rotation rotate",
    "app.status.read": "status",
    "app.status.result": "Status",
    "config.yaml.problems": "ConfigProblems",
    "core.model.desired": "Phase",
    "core.model.errors": "Busy CannotObserve ErtError Failed NeedsAttention UsageError",
}


def __getattr__(name: str) -> object:
    """Return a public name, imported from its module on first use; raise AttributeError for any other name."""
    import importlib

    for module, names in _WHERE.items():
        if name in names.split():
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
