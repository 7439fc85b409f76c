"""Section `policy`: what an agent may do by itself."""

from __future__ import annotations

from ert_deploy.config.schema.parts import Field, Section
from ert_deploy.config.schema.scalars import whole
from ert_deploy.core.verdict.starts import Policy

MOST_WAKES = 20  # per hour: more do not fit into the history of a state
_POLICY = Policy()

SECTION = Section("policy", (Field("wakes_per_hour", whole(1, MOST_WAKES), _POLICY.wakes_per_hour),))
