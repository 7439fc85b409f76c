"""Config keys: the path, type and default of every key. `configs/ert.yaml` explains their meaning.

It contains no logic: rules for combinations of keys are in `rules`, the conversion to settings is in `load`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from ert_deploy.config import settings as places
from ert_deploy.config.providers import GPU_CLOUDS, WEB_HOSTS, Host, Provider
from ert_deploy.config.schema import blueprint, external, llm_catalog, locations, notify, policy, types
from ert_deploy.config.schema.extra_env import variable
from ert_deploy.config.schema.market_catalog import AUTO
from ert_deploy.config.schema.parts import Field, Many, Part, Range, Rows, Section
from ert_deploy.config.schema.scalars import (
    gpu_memory,
    instance,
    number,
    one_of,
    seconds,
    sha256,
    whole,
    whole_seconds,
    yes_or_no,
)
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import (
    USE_IN_PREVIEWS,
    Criteria,
    Desired,
    Guard,
    Launch,
    Market,
    OwnedNames,
    Phase,
    Target,
    Timings,
)
from ert_deploy.core.model.labels import MOST_REPLICAS

# The defaults are taken from the dataclasses, so that each is defined only once.
_LAUNCH = Launch(image="", model="")
_SERVER = _LAUNCH.server
_OFFER = Criteria(max_dph=1.0)
_GUARD = Guard()
_TIMINGS = Timings()
_TARGET = Target(service="")
_NAMES = OwnedNames()
_DESIRED = Desired("", Phase.RUNNING, _LAUNCH, _OFFER, ())
_SANDBOX = places.SandboxSettings()
_CUSTODY = places.Custody()
_DAY = 86400.0
GPU, WEB = "providers/gpu", "providers/web"
_NOT_RENTED = (GPU, external.EXTERNAL)

_GUARD_PARTS = tuple(
    Field(rule.name, whole_seconds(60, 30 * _DAY, off=True), getattr(_GUARD, rule.name)) for rule in fields(Guard)
)


def _key(variable: str) -> Section:
    return Section("key", (Field("env", types.key_variable(variable), variable), Field("file", locations.path, None)))


def _provider(provider: Provider, choice: str, alternatives: int, *more: Part) -> Section:
    """Return the section of a provider. The only one of its kind is always read."""
    url = Field("url", locations.provider_url, provider.url)
    return Section(provider.section, (url, _key(provider.key), *more), chosen_by=choice if alternatives > 1 else "")


def _owned(host: Host) -> tuple[Part, ...]:
    variable = types.variable(host)
    names = (name.name for name in fields(OwnedNames) if name.name != "disabled")
    one = (Field(name, variable, getattr(_NAMES, name)) for name in names)
    return (*one, Many("disabled", variable, _NAMES.disabled))


def _services(host: Host) -> tuple[Part, ...]:
    return (
        Field("previews", one_of(("ignore", USE_IN_PREVIEWS)), "ignore"),
        Rows(
            "services",
            (
                Field("name", types.service(host)),
                Field("timeout", whole_seconds(10, _DAY), _TARGET.timeout),
                Field("health_path", types.url_path, _TARGET.health_path),
                Field("health_field", types.json_field, _TARGET.health_field),
                Field("allow_downtime", yes_or_no, _TARGET.allow_downtime),
                Field("address", locations.provider_url, _TARGET.address),
                Field("follows", seconds(0, 3600), _TARGET.follows),
                Section("owned", _owned(host)),
                *((blueprint.OF_A_SERVICE,) if host.blueprint else ()),
            ),
        ),
        *((blueprint.OF_THE_AGENT,) if host.blueprint else ()),
    )


_DEPLOYMENT: tuple[Part, ...] = (
    Field("deployment", types.deployment),
    Field("owner", types.owner, None),
    Many("ignored_instances", instance, ()),
    Range("replicas", whole(1, MOST_REPLICAS), _DESIRED.replicas, least=whole(0, MOST_REPLICAS)),
    Section(
        "launch",
        (
            Field("image", types.image),
            Field("image_gb", number(0.05, 100, "GB"), _LAUNCH.image_gb),
            Field("model", types.model_tag),
            Field("model_gb", number(0.001, 1000, "GB"), None),
            Field("context", whole(512, 1_048_576, "tokens"), _LAUNCH.context),
            Field("disk_gb", number(8, 10_000, "GB"), _LAUNCH.disk_gb),
            Field("market", one_of(market.value for market in Market), _LAUNCH.market.value),
            Field("bid", types.number_or(AUTO, 0.001, 128, "$/h"), None),
            Field("bid_margin", number(0, 5), 0.15),
            Field("or_on_demand", yes_or_no, _LAUNCH.or_on_demand),
            Field("debug_ssh", yes_or_no, _LAUNCH.debug_ssh),
            Field("hedge", whole(1, 2, "machines"), _LAUNCH.hedge),
            Field("prefer", one_of(tuple(Prefer)), _LAUNCH.prefer.value),
            Field("engine", one_of(llm_catalog.ENGINES), _SERVER.kind),
            Field("engine_command", types.command, _SERVER.command),
            Field("model_digest", sha256, _SERVER.digest),
            Field("temperature", number(0, 2), _SERVER.temperature),
            Field("parallel", whole(1, 16, "answers"), _SERVER.parallel),
            Field("kv_type", one_of(llm_catalog.KV_TYPES), _SERVER.kv_type),
            Many("env", variable, _LAUNCH.env),
            Section("guard", _GUARD_PARTS),
        ),
        spared=_NOT_RENTED,
    ),
    Section(
        "offer",
        (
            Field("max_dph", number(0, 128, "$/h", above=True)),
            Field("gpu_ram", gpu_memory, _OFFER.min_gpu_ram_mb),
            Many("gpu_names", types.card, _OFFER.gpu_names),
            Many("countries", types.country, _OFFER.countries),
            Field("min_reliability", number(0, 1), _OFFER.min_reliability),
            Field("min_inet_down", number(0, 100_000, "Mb/s"), _OFFER.min_inet_down),
            Field("max_inet_cost", number(0, 10, "$/GB"), _OFFER.max_inet_cost),
            Field("min_cuda", number(11, 99), _OFFER.min_cuda),
            Field("min_ports", whole(1, 64), _OFFER.min_ports),
            Field("min_duration", seconds(0, 365 * _DAY), _OFFER.min_duration),
            Field("verified", yes_or_no, _OFFER.verified),
            Field("datacenter", yes_or_no, _OFFER.datacenter),
        ),
        spared=_NOT_RENTED,
    ),
    Section(
        "plan",
        (
            Field("hours", number(0, 720, "hours", above=True), _DESIRED.plan_hours),
            Field("slots", whole(1, 2), _DESIRED.slots),
            Field("attempts", whole(1, 50), _DESIRED.attempts),
            Field("max_cost", number(0, 10_000, "$", above=True), _DESIRED.max_cost),
        ),
    ),
    policy.SECTION,
    Section(
        "timings",
        (
            Field("poll", seconds(0.1, 600), _TIMINGS.poll),
            Field("settle", seconds(60, 3600), _TIMINGS.settle),
            Field("call_within", seconds(5, 3600), _TIMINGS.call_within),
            Field("no_progress", seconds(5, 3600), _TIMINGS.no_progress),
            Field("boot_limit", seconds(10, 6 * 3600), _TIMINGS.boot_limit),
            Field("drain", seconds(0, 600), _TIMINGS.drain),
            Field("deploy_limit", seconds(10, 2 * 3600), _TIMINGS.deploy_limit),
            Field("prove_limit", seconds(5, 3600), _TIMINGS.prove_limit),
            Field("deny", seconds(0, 30 * _DAY), _TIMINGS.deny),
            Field("start_lag", seconds(5, 600), _TIMINGS.start_lag),
            Field("wake_grace", seconds(10, 3600), _TIMINGS.wake_grace),
            Field("finish", seconds(0, 6 * 3600), _TIMINGS.finish),
        ),
    ),
)
_STORES: tuple[Part, ...] = (
    Section(
        "keys",
        (
            Field("custody", one_of(places.CUSTODIES), _CUSTODY.kind),
            Field("folder", locations.path, _CUSTODY.folder),
        ),
    ),
    notify.SECTION,
    Field("state", locations.state_place, None),
    Field("state_key", types.state_key_variable, None),
    Section(
        "sandbox",
        (
            Field("world", locations.path, _SANDBOX.world),
            Field("speed", number(1, 1000, "times"), _SANDBOX.speed),
        ),
        optional=True,
    ),
)


def root(clouds: tuple[Provider, ...], hosts: tuple[Host, ...]) -> Section:
    """Return the schema of a config with a choice of these providers; the first of each kind is the default."""
    choice = Section(
        "providers",
        (
            Field("gpu", one_of((*(cloud.section for cloud in clouds), external.EXTERNAL)), clouds[0].section),
            Field("web", one_of(host.section for host in hosts), hosts[0].section),
        ),
    )
    sections = (
        *(_provider(cloud, GPU, len(clouds)) for cloud in clouds),
        *(_provider(host, WEB, len(hosts), *_services(host)) for host in hosts),
    )
    return Section("", (choice, *_DEPLOYMENT, *sections, external.SECTION, *_STORES))


ROOT = root(GPU_CLOUDS, WEB_HOSTS)


def keys(part: Part | None = None, path: str = "") -> Iterator[tuple[str, Part]]:
    """Iterate over all keys of the schema with their paths; an entry of a list is `*` in the path."""
    part = ROOT if part is None else part
    if isinstance(part, Rows | Section):
        if path:
            yield path, part
        inside = f"{path}/*" if isinstance(part, Rows) else path
        for inner in part.parts:
            yield from keys(inner, f"{inside}/{inner.name}" if inside else inner.name)
    else:
        yield path, part
