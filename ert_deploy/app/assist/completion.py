"""Names to complete in a shell: configs, instances in the stored state, troubles of a sandbox. Calls no provider."""

from __future__ import annotations

import re

from ert_deploy.app.deployment import Config, opened
from ert_deploy.core.model.errors import ErtError

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")  # a name that needs no quoting in any shell


def config_names(begin: str = "") -> tuple[str, ...]:
    """Return the names of all configs that `-c` accepts and that begin like this."""
    from ert_deploy.config import available

    return tuple(name for name in available() if name.startswith(begin) and PLAIN.fullmatch(name))


def trouble_kinds(begin: str = "") -> tuple[tuple[str, str], ...]:
    """Return the kinds of `sandbox break` that begin like this, each with what it does."""
    from ert_deploy.sandbox.world.kinds import kinds

    return tuple((one.name, one.effect.replace("`", "")) for one in kinds() if one.name.startswith(begin))


def trouble_fields(kind: str, begin: str = "") -> tuple[str, ...]:
    """Return `NAME=` for each field of that kind that begins like this; none for a kind that does not exist."""
    from ert_deploy.sandbox.world.kinds import kinds

    written = next((one.fields for one in kinds() if one.name == kind), "")
    names = re.findall(r"`([a-z_]{1,32})`", re.sub(r"\([^)]*\)", "", written))
    return tuple(f"{name}=" for name in names if name.startswith(begin))


def instance_ids(config: Config = None, begin: str = "") -> tuple[str, ...]:
    """Return the ids of the instances in the stored state; none where the config or the state cannot be read."""
    try:
        state = opened(config).keeper().load()
    except (ErtError, OSError):
        return ()
    parts = (state, *state.replicas)
    known = {one.id for part in parts for one in part.records} | {one.id for part in parts for one in part.tombstones}
    known |= {number for part in parts for number in part.claims.adopted}
    return tuple(sorted(one for one in known if one.startswith(begin) and PLAIN.fullmatch(one)))
