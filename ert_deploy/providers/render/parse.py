"""Render response parsing: converts JSON to the types of this package. No I/O; raises `ValueError` on unexpected data.

Every field but the ids may be null or absent, and every enum may get new values (seen in the responses recorded in
`render-oss/terraform-provider-render`). Text is made safe to print; values of variables are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import WebService
from ert_deploy.providers.render.scale import most_instances

# render.com/docs/deploys; statuses of Render's OpenAPI specification. Others are in progress until the deadline.
KINDS: Mapping[str, DeployKind] = {
    "live": DeployKind.LIVE,
    "deactivated": DeployKind.REPLACED,
    "build_failed": DeployKind.FAILED,
    "pre_deploy_failed": DeployKind.FAILED,
    "update_failed": DeployKind.FAILED,
    "canceled": DeployKind.FAILED,
}
# The keys of `reason.failure` in Render's OpenAPI specification, with the text before and after their value.
FAILURES: Mapping[str, tuple[str, str]] = {
    "evicted": ("the instance was evicted", ""),
    "nonZeroExit": ("the process exited with status ", ""),
    "earlyExit": ("the process exited", ""),
    "oomKilled": ("out of memory (", ")"),
    "timedOutSeconds": ("timed out after ", " s"),
    "timedOutReason": ("", ""),
    "unhealthy": ("the health check failed: ", ""),
}
FREE = "is on the free plan: it sleeps after 15 minutes without visitors"
WEB, WORKER = "web_service", "background_worker"  # a worker has no address
LINE_LIMIT = 500
FULL_PAGE = 100
_BUY = "buy more in its billing settings, or wait for the next month"
NO_MINUTES = f"the workspace has no pipeline minutes left, and without them Render cancels every deploy: {_BUY}"

Json = Mapping[str, Any]


def object_of(raw: object, what: str) -> Json:
    """Return `raw` if it is a JSON object; else raise `ValueError` with the expected `what`."""
    if not isinstance(raw, dict):
        raise ValueError(f"{what} is not an object")
    return raw


def thing_of(raw: object, wanted: str) -> Json:
    """Return the object with the requested id; raise `ValueError` when the response has another one."""
    item = object_of(raw, wanted)
    if item.get("id") != wanted:
        raise ValueError(f"it is about {printable(item.get('id'), 40)}, not {wanted}")
    return item


def page_of(raw: object, wrapper: str) -> tuple[tuple[Json, ...], str]:
    """Return the items of one page and the cursor after them; `((), "")` for an empty page."""
    if not isinstance(raw, list):
        raise ValueError("the list is not a list")
    entries = [object_of(entry, f"an entry of the list of {wrapper}") for entry in raw]
    items = tuple(object_of(entry.get(wrapper), wrapper) for entry in entries)
    return items, _id(entries[-1], "cursor") if entries else ""


def service_of(raw: object) -> WebService:
    """Return a web service with its public URL, or a worker; raise `ValueError` for another type of service."""
    item = object_of(raw, "the service")
    details = object_of(item.get("serviceDetails"), "serviceDetails")
    if (kind := item.get("type")) not in (WEB, WORKER):
        raise ValueError(f"it is a {printable(kind, 40)}, not a {WEB}")
    return WebService(
        id=_id(item, "id"),
        name=printable(_id(item, "name")),
        url="" if kind == WORKER else _web_url(details.get("url")),
        owner_id=printable(item.get("ownerId") or "", 64),
        suspended=_suspended(item),
        has_disk=isinstance(details.get("disk"), dict),
        sleeps=FREE if str(details.get("plan") or "").startswith("free") else "",
        unreachable=kind == WORKER or details.get("renderSubdomainPolicy") == "disabled",
        preview_of=preview_of(item),
        makes_previews=_makes_previews(details),
        instances=most_instances(details),
    )


def preview_of(item: Json) -> str:
    """Return the name of the service that this one is a preview of, or its id; empty if it is none."""
    details = item.get("serviceDetails")
    parent = details.get("parentServer") if isinstance(details, dict) else None
    if parent is None:
        return ""
    known = [parent.get(key) for key in ("name", "id")] if isinstance(parent, dict) else []
    return printable(next((text for text in known if text), "another service"), 100)


def _makes_previews(details: Json) -> bool:
    """Whether pull requests get previews; `pullRequestPreviewsEnabled` is the older field."""
    previews = details.get("previews")
    generation = previews.get("generation") if isinstance(previews, dict) else None
    return generation not in (None, "", "off") or details.get("pullRequestPreviewsEnabled") == "yes"


def _web_url(raw: object) -> str:
    text = raw if isinstance(raw, str) else ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not text.isprintable():
        raise ValueError("serviceDetails.url is not a web address")
    return text.rstrip("/")


def _suspended(item: Json) -> str:
    """Describe the suspension, empty if there is none: `suspended` is a string in the API, `suspenders` a list."""
    if item.get("suspended") not in ("suspended", True):
        return ""
    suspenders = item.get("suspenders")
    by = [printable(name, 40) for name in suspenders if name] if isinstance(suspenders, list) else []
    return "suspended by " + ", ".join(by) if by else "suspended"


def variable_of(item: Json) -> tuple[str, Secret]:
    """Return the name and value of an environment variable; `ValueError` unless both are text."""
    value = item.get("value")
    if value is not None and not isinstance(value, str):
        raise ValueError("the value of a variable is not text")
    return printable(_id(item, "key")), Secret(value or "")


def linked_groups(raw: object, service_id: str) -> tuple[str, ...]:
    """Return the ids of the environment groups linked to a service. The list has neither a wrapper nor a cursor.

    Raises `ValueError` also when the list fills a page, because the rest of it could not be requested.
    """
    if not isinstance(raw, list):
        raise ValueError("the list is not a list")
    if len(raw) >= FULL_PAGE:
        raise ValueError(f"it lists {len(raw)} environment groups, and there may be more")
    groups = [object_of(entry, "an environment group") for entry in raw]
    return tuple(_id(group, "id") for group in groups if service_id in _links(group))


def _links(group: Json) -> set[object]:
    links = group.get("serviceLinks") or []
    if not isinstance(links, list):
        raise ValueError("serviceLinks is not a list")
    return {object_of(link, "a link of a group").get("id") for link in links}


def group_of(raw: object, wanted: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of an environment group and the names of its variables, never a value."""
    group = thing_of(raw, wanted)
    variables = group.get("envVars") or []
    if not isinstance(variables, list):
        raise ValueError("envVars is not a list")
    keys = tuple(_id(object_of(variable, "a variable of the group"), "key") for variable in variables)
    return printable(group.get("name") or wanted, 100), keys


def deploy_of(raw: object) -> WebDeploy:
    """Return a deploy; `created` falls back to its other timestamps, then to 0."""
    item = object_of(raw, "the deploy")
    status = item.get("status")
    shown = printable(status, 60) if isinstance(status, str) and status else "unknown"
    times = (when(item.get(name)) for name in ("createdAt", "startedAt", "updatedAt"))
    created = next((time for time in times if time is not None), 0.0)
    return WebDeploy(_id(item, "id"), shown, KINDS.get(shown, DeployKind.IN_FLIGHT), created)


def when(raw: object) -> float | None:
    """Convert an RFC 3339 time (0 to 9 decimals, as recorded) to a Unix time, or None."""
    try:
        parsed = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
    return parsed.timestamp() if parsed is not None and parsed.tzinfo is not None else None


def stamp(seconds: float) -> str:
    """Format a Unix time as Render's filters require it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def reason_of(events: Iterable[Json], deploy_id: str) -> str:
    """Return the reason of a finished deploy, from the service's events (newest first); empty if they give no reason.

    A build event contains the id of the build, not of the deploy, so it is used only if no event has this deploy's id.
    """
    spoken = [(str(_details(e).get("deployId") or ""), _spoken(e)) for e in events]
    ours = [text for deploy, text in spoken if text and deploy == deploy_id]
    builds = [text for deploy, text in spoken if text and not deploy]
    return next(iter(ours + builds), "")


def _spoken(event: Json) -> str:
    return NO_MINUTES if event.get("type") == "pipeline_minutes_exhausted" else _failure(_details(event))


def _details(event: Json) -> Json:
    details = event.get("details")
    return details if isinstance(details, dict) else {}


def _failure(details: Json) -> str:
    """Format `reason.failure` as text."""
    reason = details.get("reason")
    failure = reason.get("failure") if isinstance(reason, dict) else None
    if not isinstance(failure, dict):
        return ""
    told = (_failure_word(name, value) for name, value in failure.items() if value not in (None, False, ""))
    return "; ".join(told)


def _failure_word(name: str, value: object) -> str:
    before, after = FAILURES.get(name, (f"{printable(name, 40)}: ", ""))
    return before if value is True else f"{before}{_figure(value)}{after}"


def _figure(value: object) -> str:
    return printable(value.get("memoryLimit") or value if isinstance(value, dict) else value)


def log_of(raw: object, clean: Callable[[str], str]) -> tuple[str, ...]:
    """Return the lines of a log response, oldest first, each passed through `clean` before it is shortened."""
    return tuple(text for _, text in timed_log_of(raw, clean))


def timed_log_of(raw: object, clean: Callable[[str], str]) -> tuple[tuple[float, str], ...]:
    """Return the same lines, each with its Unix time (0: not known)."""
    lines = object_of(raw, "the log").get("logs")
    if not isinstance(lines, list):
        raise ValueError("the log has no list of lines")
    found = [(when(line.get("timestamp")) or 0.0, line) for line in lines if isinstance(line, dict)]
    found.sort(key=lambda pair: pair[0])
    return tuple((at, printable(clean(str(line.get("message") or "")), LINE_LIMIT)) for at, line in found)


def _id(item: Json, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value
