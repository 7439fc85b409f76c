"""Names to complete in a shell: configs, and the instances in a deployment's stored state. Calls no provider."""

from __future__ import annotations

import re

from ert_deploy.app.deployment import Config, opened
from ert_deploy.core.model.errors import ErtError

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")  # a name that needs no quoting in any shell


def config_names(begin: str = "") -> tuple[str, ...]:
    """Return the names of all configs that `-c` accepts and that begin like this."""
    from ert_deploy.config import available

    return tuple(name for name in available() if name.startswith(begin) and PLAIN.fullmatch(name))


def instance_ids(config: Config = None, begin: str = "") -> tuple[str, ...]:
    """Return the ids of the instances in the stored state; none where the config or the state cannot be read."""
    try:
        state = opened(config).keeper().load()
    except (ErtError, OSError):
        return ()
    known = {r.id for r in state.records} | {t.id for t in state.tombstones} | {*state.claims.adopted}
    return tuple(sorted(one for one in known if one.startswith(begin) and PLAIN.fullmatch(one)))
