"""Ids of what providers rent out: text that is compared and shown. Its form says nothing, and nothing is ordered by it.

Instances have a type of their own, so that no other text is taken for one. Machines and offers are plain `str`; an
empty one is not known.
"""

from __future__ import annotations

import re
from typing import NewType

InstanceId = NewType("InstanceId", str)
FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def provider_id(value: str) -> str:
    """An id as a provider may give it out: up to 128 letters, digits, dots, dashes. ValueError for anything else."""
    if not FORM.fullmatch(value):
        raise ValueError(f"{value!r} is not an id")
    return value


def instance_id(value: str) -> InstanceId:
    """The same as the id of an instance. Raises ValueError."""
    return InstanceId(provider_id(value))
