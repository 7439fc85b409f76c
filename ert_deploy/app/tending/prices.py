"""Prices of one deployment, by its config and its own history: what an unused machine and a wait cost."""

from __future__ import annotations

from ert_deploy.app.deployment import Deployment
from ert_deploy.core.idle.history import Uses
from ert_deploy.core.idle.prices import Prices

PER_GB = 0.15 / 720  # $/h of a GB of disk: $0.15 a month, as in the example of Vast's own specification
TRAFFIC = 0.004  # $/GB, the mean of the market (docs/bench-launch.md)


def prices_of(deployment: Deployment, found: Uses) -> tuple[Prices, tuple[str, ...]]:
    """Return the prices of this deployment with that of waiting, and the name of each that was not measured."""
    desired = deployment.settings.desired
    launch = desired.launch
    base = Prices(
        gpu=desired.criteria.max_dph,
        disk=min(launch.disk_gb * PER_GB, desired.criteria.max_dph),
        fetch=(launch.image_gb + launch.model_gb) * TRAFFIC,
        refused=desired.timings.start_lag,
        wait_price=deployment.settings.wait_price,
    )
    known = {"price of the GPU": found.hourly, "start with its disk": found.kept, "start of another": found.anew}
    return found.priced(base), tuple(name for name, value in known.items() if not value)
