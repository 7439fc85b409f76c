"""Faults of the platform, as JSON: `{"kind": ..., "service"?: id or name, ...}`.

| kind | other keys (default) | effect |
|---|---|---|
| `deploy_fails` | `status` (`update_failed`), `reason` (exit code 1), `count` (1) | status of the next deploys |
| | `instance` (1) | at which of its new instances; each is started once the one before has traffic |
| | `echo` (none), an encoding of `httpd.echo` | also writes the environment to the log and the reason |
| `unhealthy` | `count` (1) | the next new instances fail all checks; `update_failed` after 15 min |
| `unknown_status` | `status` (`artifact_fetch_in_progress`), `count` (1) | reported instead of `update_in_progress` |
| `early_404` | `reads` (2), `count` (1) | the first reads of the next new deploy return a 404 |
| `pipeline_minutes_exhausted` | `on` (true) | all deploys are canceled, with this event, until switched off |
| `foreign_deploy` | `message` | another user pushes a commit: trigger `new_commit`, full build |
| `foreign_env` | `set` ({}), `unset` ([]) | another user edits variables in the dashboard without deploying |
| `env_group` | `name`, `env` | a group is created and linked to the service; without `env` it is deleted |
| `disk` | `on` (true) | a disk is attached or detached |
| `suspend`, `resume` | `by` (`billing`) | the service is suspended or resumed |
| `plan` | `plan` (`free`) | the reported plan; any text, also an unknown plan |
| `sleep` | `status` (503) | the service sleeps: the next visitor wakes it and gets an HTML page with this status |
| `crash` | | kills the serving processes; Render restarts them |
| `open_ports` | `on` (true) | false: `openPorts` is null, as before Render has found a port |
| `subdomain` | `on` (true) | the `onrender.com` address is switched on or off |
| `pull_request` | `number` (1), `branch`, `on` (true) | a preview of a pull request, with a copy of the variables |
| `policy` | `policy` (`override`) | the workspace's policy for overlapping deploys: `wait` or `override` |
| `absorbed` | `as` (`canceled` or `vanish`) | what happens to a waiting deploy when a newer one is requested |

`service` is optional if there is only one. Connection faults (resets, 5xx, delays) are injected per call, by `faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ert_deploy.sandbox.httpd.echo import encoded
from ert_deploy.sandbox.render.api.env_vars import put_variable
from ert_deploy.sandbox.render.models import Service, new_commit
from ert_deploy.sandbox.render.platform import Platform, default_details
from ert_deploy.sandbox.render.records import EnvGroup
from ert_deploy.sandbox.render.store import new_id

Trouble = Mapping[str, Any]
AMBUSHES: Mapping[str, Mapping[str, Any]] = {
    "deploy_fails": {"status": "update_failed", "reason": None, "echo": "", "instance": 1},
    "unhealthy": {},
    "unknown_status": {"status": "artifact_fetch_in_progress"},
    "early_404": {"reads": 2},
}
FAILURES = ("build_failed", "pre_deploy_failed", "update_failed", "canceled")


def apply(platform: Platform, trouble: Trouble) -> None:
    """Apply one fault now, or at the next deploy. Raises `ValueError` if it is invalid."""
    kind = str(trouble.get("kind"))
    if kind in AMBUSHES:
        _await_deploy(platform, trouble)
    elif kind in GENERAL:
        GENERAL[kind](platform, trouble)
    elif kind in SERVICE:
        SERVICE[kind](platform, _service(platform, trouble), trouble)
    else:
        raise ValueError(f"unknown trouble {kind!r}: one of {', '.join(sorted([*AMBUSHES, *GENERAL, *SERVICE]))}")


def end(platform: Platform, kind: str) -> None:
    """End one kind of fault. Raises `ValueError` for one that is over at once, and for an unknown kind."""
    if kind in AT_ONCE or kind not in (*AMBUSHES, *ENDS):
        raise ValueError(f"{kind} is over at once" if kind in AT_ONCE else f"unknown trouble {kind!r}")
    with platform.store.lock:
        waiting = platform.store.troubles.next_deploy
        waiting[:] = [one for one in waiting if one["kind"] != kind]
        for ending in ENDS[kind](platform) if kind in ENDS else ():
            apply(platform, ending)


def active(platform: Platform) -> set[str]:
    """Return the kinds of faults that have not ended."""
    store = platform.store
    with store.lock:
        services = list(store.services.values())
        facts = {
            "pipeline_minutes_exhausted": store.troubles.pipeline_minutes_exhausted,
            "absorbed": store.troubles.skipped_vanish,
            "policy": store.policy != "wait",
            "env_group": bool(store.groups),
            "disk": any("disk" in s.details for s in services),
            "suspend": any("billing" in s.suspenders for s in services),
            "plan": any(s.details["plan"] != PLAN for s in services),
            "open_ports": any("openPorts" in s.details for s in services),
            "subdomain": any(s.details["renderSubdomainPolicy"] == "disabled" for s in services),
            "pull_request": any(s.pull_request for s in services),
        }
        return {one["kind"] for one in store.troubles.next_deploy} | {kind for kind, on in facts.items() if on}


def _each(platform: Platform, trouble: Trouble) -> list[Trouble]:
    return [{**trouble, "service": id} for id in platform.store.services]


def _service(platform: Platform, trouble: Trouble) -> Service:
    wanted = trouble.get("service")
    found = [s for s in platform.store.services.values() if wanted in (None, s.id, s.name)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} services fit {wanted!r}")
    return found[0]


def _await_deploy(platform: Platform, trouble: Trouble) -> None:
    waiting = {**AMBUSHES[trouble["kind"]], **trouble, "times": int(trouble.get("count", 1))}
    if trouble["kind"] == "deploy_fails" and waiting["status"] not in FAILURES:
        raise ValueError(f"status must be one of {', '.join(FAILURES)}")
    if waiting.get("echo"):
        encoded("", waiting["echo"])
    with platform.store.lock:
        platform.store.troubles.next_deploy.append(waiting)


def _pipeline(platform: Platform, trouble: Trouble) -> None:
    platform.store.troubles.pipeline_minutes_exhausted = bool(trouble.get("on", True))


def _policy(platform: Platform, trouble: Trouble) -> None:
    wanted = trouble.get("policy", "override")
    if wanted not in ("wait", "override"):
        raise ValueError("policy must be wait or override")
    platform.store.policy = wanted


def _absorbed(platform: Platform, trouble: Trouble) -> None:
    platform.store.troubles.skipped_vanish = trouble.get("as") == "vanish"


def _foreign_deploy(platform: Platform, service: Service, trouble: Trouble) -> None:
    commit = new_commit(platform.store.clock.now(), str(trouble.get("message", "Fix a typo")))
    platform.deployer.request(service, trigger="new_commit", commit=commit)


def _foreign_env(platform: Platform, service: Service, trouble: Trouble) -> None:
    for key, value in dict(trouble.get("set", {})).items():
        put_variable(platform, service, key, str(value))
    with platform.store.lock:
        for key in trouble.get("unset", []):
            service.env.pop(key, None)


def _env_group(platform: Platform, service: Service, trouble: Trouble) -> None:
    name, store = str(trouble.get("name", "shared")), platform.store
    with store.lock:
        if "env" in trouble:
            group = EnvGroup(new_id("evg"), name, store.clock.now(), dict(trouble["env"]), (service.id,))
            store.groups[group.id] = group
        else:
            store.groups = {key: group for key, group in store.groups.items() if group.name != name}


def _disk(platform: Platform, service: Service, trouble: Trouble) -> None:
    platform.detach(service)
    if trouble.get("on", True):
        platform.attach(service, "data", "/data", 1)


def _open_ports(platform: Platform, service: Service, trouble: Trouble) -> None:
    with platform.store.lock:
        service.details.pop("openPorts", None)
        if not trouble.get("on", True):
            service.details["openPorts"] = None


def _subdomain(platform: Platform, service: Service, trouble: Trouble) -> None:
    with platform.store.lock:
        service.details["renderSubdomainPolicy"] = "enabled" if trouble.get("on", True) else "disabled"


def _pull_request(platform: Platform, service: Service, trouble: Trouble) -> None:
    number, store = int(trouble.get("number", 1)), platform.store
    with store.lock:
        found = [s for s in store.services.values() if s.parent == service.id and s.pull_request == number]
    if not trouble.get("on", True):
        for preview in found:
            platform.forget(preview)
    elif service.details["previews"]["generation"] == "off" or service.image is not None:
        raise ValueError(f"{service.name} has no previews of pull requests: previews.generation is off")
    elif not found:
        branch = str(trouble.get("branch", f"pull-{number}"))
        preview = platform.preview(service, f"{service.name} PR #{number}", branch=branch, number=number)
        commit = new_commit(store.clock.now(), str(trouble.get("message", "Try something")))
        platform.deployer.request(preview, trigger="new_commit", commit=commit)


def _suspend(platform: Platform, service: Service, trouble: Trouble) -> None:
    platform.suspend(service, str(trouble.get("by", "billing")))


def _resume(platform: Platform, service: Service, trouble: Trouble) -> None:
    platform.resume(service, str(trouble.get("by", "billing")))


def _plan(platform: Platform, service: Service, trouble: Trouble) -> None:
    with platform.store.lock:
        service.details["plan"] = str(trouble.get("plan", "free"))


def _sleep(platform: Platform, service: Service, trouble: Trouble) -> None:
    platform.store.troubles.wake_status = int(trouble.get("status", 503))
    platform.keeper.sleep(service)


def _crash(_: Platform, service: Service, __: Trouble) -> None:
    for instance in list(service.serving):
        instance.kill()


GENERAL: Mapping[str, Callable[[Platform, Trouble], None]] = {
    "pipeline_minutes_exhausted": _pipeline,
    "absorbed": _absorbed,
    "policy": _policy,
}
SERVICE: Mapping[str, Callable[[Platform, Service, Trouble], None]] = {
    "foreign_deploy": _foreign_deploy,
    "foreign_env": _foreign_env,
    "env_group": _env_group,
    "disk": _disk,
    "open_ports": _open_ports,
    "pull_request": _pull_request,
    "subdomain": _subdomain,
    "suspend": _suspend,
    "resume": _resume,
    "plan": _plan,
    "sleep": _sleep,
    "crash": _crash,
}
PLAN = str(default_details()["plan"])
AT_ONCE = frozenset({"foreign_deploy", "foreign_env", "sleep", "crash", "resume"})  # they happen, and have no end
ENDS: Mapping[str, Callable[[Platform], list[Trouble]]] = {
    "pipeline_minutes_exhausted": lambda _: [{"kind": "pipeline_minutes_exhausted", "on": False}],
    "absorbed": lambda _: [{"kind": "absorbed", "as": "canceled"}],
    "policy": lambda _: [{"kind": "policy", "policy": "wait"}],
    "env_group": lambda platform: [
        {"kind": "env_group", "name": group.name, "service": group.links[0]} for group in platform.store.groups.values()
    ],
    "disk": lambda platform: _each(platform, {"kind": "disk", "on": False}),
    "suspend": lambda platform: _each(platform, {"kind": "resume"}),
    "plan": lambda platform: _each(platform, {"kind": "plan", "plan": PLAN}),
    "open_ports": lambda platform: _each(platform, {"kind": "open_ports"}),
    "subdomain": lambda platform: _each(platform, {"kind": "subdomain"}),
    "pull_request": lambda platform: [
        {"kind": "pull_request", "on": False, "number": s.pull_request, "service": s.parent}
        for s in platform.store.services.values()
        if s.pull_request
    ],
}
