"""Container of an instance: converts the fields of a row that say what the instance was created with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ert_deploy.core.model.boot.container import Container, read
from ert_deploy.core.model.text import printable

LONGEST = 300


def container(row: Mapping[str, Any], env: Mapping[str, str]) -> Container:
    """Return what the instance was created with; a property that the row lacks is not known."""
    disk, runtype = row.get("disk_space"), row.get("image_runtype")
    known = isinstance(disk, int | float) and not isinstance(disk, bool) and math.isfinite(disk) and disk > 0
    return read(
        printable(row.get("image_uuid") or "", LONGEST),
        float(disk) if known and disk is not None else None,
        "ssh" in runtype if isinstance(runtype, str) and runtype else None,
        {name: printable(value, LONGEST) for name, value in env.items()},
    )


def agreed(env: Mapping[str, str]) -> float:
    """Return the price in $/h that the create call wrote; 0 if it is no price, as anybody can edit it."""
    try:
        price = float(env.get("ERT_GPU_PRICE_PER_HOUR", ""))
    except ValueError:
        return 0.0
    return price if math.isfinite(price) and price > 0 else 0.0
