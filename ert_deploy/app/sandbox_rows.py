"""Services of a sandbox whose config names a database: the same rows as those of its Blueprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ert_deploy.config import Settings

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.rows import ServiceRow


def rows_of(settings: Settings) -> tuple[ServiceRow, ...]:
    """Return the services that the sandbox has to make: all of the config, if one of them names a database.

    Without one the sandbox has its usual service, on which a deploy forgets the reports.
    """
    if not any(how.database or how.key_value for how in settings.blueprints):
        return ()
    from ert_deploy.config.scaffold.blueprint import commands
    from ert_deploy.sandbox.world.rows import ServiceRow

    rows = []
    for target, how in zip(settings.desired.targets, settings.blueprints, strict=True):
        start, before = commands(how)
        stores = (how.database, how.key_value)
        rows.append(ServiceRow(target.service, start, before, how.role == "worker", *stores, how.instances))
    return tuple(rows)
