"""Sections for the Blueprint: how each service is built and started, and the agent beside them."""

from __future__ import annotations

from ert_deploy.config import settings as places
from ert_deploy.config.schema import locations, types
from ert_deploy.config.schema.parts import Field, Many, Section
from ert_deploy.config.schema.scalars import one_of, whole

_BLUEPRINT = places.Blueprint()
_AGENT = places.AgentService()

OF_A_SERVICE = Section(
    "blueprint",
    (
        Field("repo", locations.provider_url, _BLUEPRINT.repo),
        Field("branch", types.branch, _BLUEPRINT.branch),
        Field("root", types.folder, _BLUEPRINT.root),
        Field("runtime", one_of(types.RUNTIMES), _BLUEPRINT.runtime),
        Field("build", types.command, _BLUEPRINT.build),
        Field("start", types.command, _BLUEPRINT.start),
        Field("region", one_of(types.REGIONS), _BLUEPRINT.region),
        Field("plan", types.plan, _BLUEPRINT.plan),
        Field("trigger", one_of(types.TRIGGERS), _BLUEPRINT.trigger),
        Field("database", types.created("database", "ert-reports"), _BLUEPRINT.database),
        Field("key_value", types.created("key value store", "ert-live"), _BLUEPRINT.key_value),
        Field("instances", whole(1, 100), _BLUEPRINT.instances),
        Field("role", one_of(places.ROLES), _BLUEPRINT.role),
    ),
)
OF_THE_AGENT = Section(
    "agent",
    (
        Field("name", types.created("service", "ert-agent"), _AGENT.name),
        Field("beside", types.created("service", "ert-dashboard"), _AGENT.beside),
        Field("plan", types.plan, _AGENT.plan),
        Field("repo", locations.provider_url, _AGENT.repo),
        Field("branch", types.branch, _AGENT.branch),
        Field("root", types.folder, _AGENT.root),
        Field("build", types.command, _AGENT.build),
        Field("trigger", one_of(types.TRIGGERS), _AGENT.trigger),
        Field("database", types.created("database", "ert-state"), _AGENT.database),
        Many("operators", locations.network, _AGENT.operators),
    ),
)
