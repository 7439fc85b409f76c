"""Event and log handlers.

Without `startTime`, both return the last hour of `WorldClock` time, so older failures have to be requested explicitly
(Render OpenAPI). Logs require `ownerId` and `resource`, and their pages are based on time, not on cursors.
"""

from __future__ import annotations

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.pagination import bad_request, limit_of, not_found, page, time_of, values_of
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import LogLine
from ert_deploy.sandbox.render.serialize import event_json, log_json, log_stamp

LOOK_BACK = 3600.0


def _window(platform: Platform, request: Request) -> tuple[float, float]:
    now = platform.store.clock.now()
    start, end = time_of(request, "startTime"), time_of(request, "endTime")
    return (now - LOOK_BACK if start is None else start), (now if end is None else end)


def list_events(platform: Platform, request: Request) -> Reply:
    """Return the events, newest first."""
    service, kinds = platform.service(request), values_of(request, "type")
    start, end = _window(platform, request)
    with platform.store.lock:
        mine = [e for e in platform.store.events if e.service_id == service.id and start <= e.time <= end]
    rows = [(e.seq, event_json(e)) for e in mine if not kinds or e.type in kinds]
    return page(request, "event", rows, newest_first=True)


def get_event(platform: Platform, request: Request) -> Reply:
    """Return one event by its id."""
    with platform.store.lock:
        for event in platform.store.events:
            if event.id == request.params["event"]:
                return Reply.json(event_json(event))
    raise not_found(request.params["event"])


def list_logs(platform: Platform, request: Request) -> Reply:
    """Return a page of log lines and the time range of the next one; `backward` (the default) is newest first."""
    owner, resources = request.one("ownerId"), values_of(request, "resource")
    if not owner or not resources:
        raise bad_request("ownerId and resource are required")
    direction = request.one("direction") or "backward"
    if direction not in ("backward", "forward"):
        raise bad_request("direction must be backward or forward")
    if owner != platform.store.owner_id:
        raise not_found(owner)
    for resource in resources:
        if resource not in platform.store.services:
            raise not_found(resource)
    return _log_page(platform, request, resources, backward=direction == "backward")


def _log_page(platform: Platform, request: Request, resources: list[str], *, backward: bool) -> Reply:
    (start, end), limit = _window(platform, request), limit_of(request)
    with platform.store.lock:
        lines = [x for x in platform.store.logs if x.service_id in resources and start <= x.time <= end]
    lines = [line for line in lines if _matches(request, line)]
    chosen = lines[::-1][:limit] if backward else lines[:limit]
    more = len(lines) > limit
    if more and backward:
        end = chosen[-1].time - 1e-6
    elif more:
        start = chosen[-1].time + 1e-6
    return Reply.json(
        {
            "hasMore": more,
            "nextStartTime": log_stamp(start),
            "nextEndTime": log_stamp(end),
            "logs": [log_json(line) for line in chosen],
        }
    )


def _matches(request: Request, line: LogLine) -> bool:
    facts = {"type": line.type, "level": line.level, "instance": line.instance}
    exact = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    texts = request.query.get("text", [])
    return exact and (not texts or any(text.lower() in line.message.lower() for text in texts))


ROUTES: Table = (
    ("GET", "/services/{service}/events", "list_events", list_events),
    ("GET", "/events/{event}", "get_event", get_event),
    ("GET", "/logs", "list_logs", list_logs),
)
