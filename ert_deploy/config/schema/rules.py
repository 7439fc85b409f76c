"""Config rules: constraints between keys. A rule is checked only if all values it needs are valid.

Each rule is a function of these values that returns an error and a hint, or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from ert_deploy.config.providers import every
from ert_deploy.config.schema import external, model_rules, policy
from ert_deploy.config.schema.keys import GPU, WEB
from ert_deploy.config.schema.locations import is_loopback
from ert_deploy.config.schema.model_rules import model_gb
from ert_deploy.config.schema.scalars import spoken
from ert_deploy.config.schema.walk import Reading
from ert_deploy.config.settings import (
    ALLOW_HOST,
    PROVIDER_LAG,
    Blueprint,
    call_timeout,
    least_settle,
)
from ert_deploy.config.yaml.problems import Problem
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.model.model_server import ExtraVariable

ROOM_GB = 2.0  # for logs and temporary files of a download

Violation = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` is called with the values of `needs` in that order; an error is reported at the first key."""

    needs: tuple[str, ...]
    check: Callable[..., Violation]


def broken(reading: Reading, hosts: Collection[str] = ()) -> Iterator[Problem]:
    """Iterate over the conflicts between valid keys. `hosts` may receive API keys in addition to the known ones."""
    yield from unsettled(reading)
    for rule in (*RULES, *_rules_of_hosts(hosts), *_rules_per_service(reading)):
        if all(path in reading.values for path in rule.needs):
            verdict = rule.check(*(reading.values[path] for path in rule.needs))
            if verdict:
                yield Problem(rule.needs[0], reading.lines.get(rule.needs[0], 0), *verdict)


def unsettled(reading: Reading) -> Iterator[Problem]:
    """Check that `timings/settle` is long enough, in provider time: a create or start must not take effect after it."""
    values = reading.values
    if not {"timings/settle", "timings/call_within", "sandbox"} <= values.keys():
        return
    if values["sandbox"] and "sandbox/speed" not in values:
        return
    speed = values["sandbox/speed"] if values["sandbox"] else 1.0
    settle, within = values["timings/settle"], values["timings/call_within"]
    least = least_settle(within, speed)
    if settle < least:
        path = "timings/settle"
        call = spoken(call_timeout(speed) * speed)
        yield Problem(
            path,
            reading.lines.get(path, 0),
            f"settle ({spoken(settle)}) is less than call_within ({spoken(within)}), {call} for the call and"
            f" {spoken(PROVIDER_LAG)} for the provider: a late call would be considered lost",
            f"settle: {spoken(math.ceil(least))}, or a shorter call_within",
        )


def _disk_holds(disk: float, image: float, tag: str, given: float | None) -> Violation:
    least = image + model_gb(tag, given) + ROOM_GB
    if disk >= least:
        return None
    return f"{disk:g} GB do not hold the image, the model and {ROOM_GB:g} GB of free space", f"at least {least:.1f}"


def _bid_and_market(bid: float | str | None, market: str) -> Violation:
    if market == "interruptible" and bid is None:
        return "an interruptible machine needs a bid", "set launch/bid: auto or a bid in $/h, or market: on-demand"
    if market == "on-demand" and bid is not None:
        return "a bid is for the interruptible market only", "remove it, or set market: interruptible"
    return None


def _instead_of_a_bid(or_on_demand: bool, market: str) -> Violation:
    if or_on_demand and market == "on-demand":
        return "it is for the interruptible market only", "remove it, or set market: interruptible"
    return None


def _bid_below_cap(bid: float | str | None, cap: float) -> Violation:
    if bid is None or isinstance(bid, str) or bid <= cap:
        return None
    return f"{bid:g} $/h is more than offer/max_dph ({cap:g})", f"at most {cap:g}"


def _something_switches_off(idle: int, lifetime: int) -> Violation:
    if idle or lifetime:
        return None
    return "with idle_stop and max_lifetime both 0 the GPU would never be stopped", "such as idle_stop: 20m"


def _guard_waits_for_launch(deadline: int, limit: float) -> Violation:
    if deadline == 0 or deadline >= limit:
        return None
    return (
        f"the guard would destroy the machine after {spoken(deadline)}, while timings/boot_limit waits {spoken(limit)}",
        "a longer boot_deadline or a shorter boot_limit",
    )


def _progress_before_limit(no_progress: float, limit: float) -> Violation:
    return None if no_progress <= limit else ("it is longer than timings/boot_limit", f"at most {spoken(limit)}")


def _contract_outlasts_plan(duration: float, hours: float) -> Violation:
    least = hours * 3600 + 86400
    if duration >= least:
        return None
    return "the host's contract could end during the planned hours", f"at least plan/hours and a day: {spoken(least)}"


def _different_names(*names: str | tuple[str, ...]) -> Violation:
    flat = [name for entry in names for name in ((entry,) if isinstance(entry, str) else entry)]
    repeated = sorted({name for name in flat if flat.count(name) > 1})
    return (f"{', '.join(repeated)} is used for more than one thing", "give each its own name") if repeated else None


def _each_name_once(extra: tuple[ExtraVariable, ...]) -> Violation:
    names = [one.name for one in extra]
    repeated = sorted({name for name in names if names.count(name) > 1})
    return (f"{', '.join(repeated)} is set more than once", "keep one value") if repeated else None


def _another_service(name: str, *before: str) -> Violation:
    return (f"{name} is listed already", "one entry per service") if name in before else None


def _start_is_known(start: str | None, root: str) -> Violation:
    if start is not None or root == Blueprint().root:
        return None
    return f"how the app in {root} is started is not known", "such as gunicorn --bind 0.0.0.0:$PORT app:app"


def _no_address_in_sandbox(default: str) -> Callable[[str, bool], Violation]:
    def check(url: str, sandbox: bool) -> Violation:
        if sandbox and url != default:
            return "a sandbox has its own address", "remove it, or remove the sandbox section"
        return None

    return check


def _folder_and_custody(folder: Path | None, custody: str) -> Violation:
    if folder is None or custody == "file":
        return None
    return f"no files are kept with keys/custody: {custody}", "remove it, or set custody: file"


RULES = (
    Rule(("replicas", "keys/custody"), policy.replicas_and_custody),
    Rule(("replicas", "policy/idle"), policy.replicas_and_idle),
    Rule(("replicas", "replicas/min", GPU), policy.replicas_and_server),
    Rule(("replicas/min", "replicas"), policy.least_and_most),
    Rule(("launch/model", "launch/model_gb", "sandbox"), model_rules.model_exists),
    Rule(("launch/model_gb", "launch/model"), model_rules.model_size),
    Rule(("launch/context", "launch/model"), model_rules.context_fits_model),
    Rule(
        ("offer/gpu_ram", "launch/model", "launch/model_gb", "launch/context", "launch/parallel", "launch/kv_type"),
        model_rules.model_fits_gpu,
    ),
    Rule(("launch/engine_command", "launch/engine"), model_rules.command_and_engine),
    Rule(("launch/model_digest", "launch/engine"), model_rules.digest_and_engine),
    Rule(("launch/kv_type", "launch/engine"), model_rules.kv_type_and_engine),
    Rule(("launch/env",), _each_name_once),
    Rule(("launch/disk_gb", "launch/image_gb", "launch/model", "launch/model_gb"), _disk_holds),
    Rule(("launch/bid", "launch/market"), _bid_and_market),
    Rule(("launch/or_on_demand", "launch/market"), _instead_of_a_bid),
    Rule(("launch/bid", "offer/max_dph"), _bid_below_cap),
    Rule(("launch/guard/idle_stop", "launch/guard/max_lifetime"), _something_switches_off),
    Rule(("launch/guard/boot_deadline", "timings/boot_limit"), _guard_waits_for_launch),
    Rule(("timings/no_progress", "timings/boot_limit"), _progress_before_limit),
    Rule(("offer/min_duration", "plan/hours"), _contract_outlasts_plan),
    Rule(("policy/budget_per_day", "policy/budget_per_month"), policy.day_within_month),
    Rule(("policy/windows", "policy/idle"), policy.windows_and_idle),
    Rule(("policy/early_starts_per_day", "policy/idle", "launch/guard/idle_stop"), policy.early_starts_possible),
    Rule(("keys/folder", "keys/custody"), _folder_and_custody),
    Rule(("external/url", GPU), external.needed("https://llm.example.org")),
    Rule(("external/model", GPU), external.needed("qwen3:8b")),
    Rule(("external/url", GPU, "sandbox"), external.reachable),
    *(Rule((f"{provider.section}/url", "sandbox"), _no_address_in_sandbox(provider.url)) for provider in every()),
)


def _rules_of_hosts(hosts: Collection[str]) -> Iterator[Rule]:
    for provider in every():
        yield Rule((f"{provider.section}/url", "sandbox"), _trusted_host(provider.url, hosts))


def _trusted_host(known: str, hosts: Collection[str]) -> Callable[[str, bool], Violation]:
    """Allow a provider's key to be sent only to its own host, to loopback and to hosts allowed by the caller.

    A config may come with a clone or a pull request, the environment does not.
    """

    def check(url: str, sandbox: bool) -> Violation:
        host = urlsplit(url).hostname or ""
        if sandbox or urlsplit(url).netloc == urlsplit(known).netloc or is_loopback(host) or host in hosts:
            return None
        return (
            f"{host} is not {urlsplit(known).netloc}, and would be sent the API key",
            f"remove it, or export {ALLOW_HOST}={host} if that host may have the key",
        )

    return check


_OWNED = tuple(f"owned/{name.name}" for name in fields(OwnedNames))


def _rules_per_service(reading: Reading) -> Iterator[Rule]:
    services = f"{reading.values.get(WEB, '')}/services"
    rows = [f"{services}/{at}" for at in range(reading.values.get(services, 0))]
    for at, row in enumerate(rows):
        yield Rule(tuple(f"{row}/{name}" for name in _OWNED), _different_names)
        yield Rule((f"{row}/blueprint/start", f"{row}/blueprint/root"), _start_is_known)
        yield Rule((f"{row}/name", *(f"{other}/name" for other in rows[:at])), _another_service)
