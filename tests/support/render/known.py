"""Known exceptions of the stored exchanges of Render: what is not replayed, and fields that may differ."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.known import Known

_PROJECTS = Known(
    "projects and their environments only group services in Render's dashboard", "docs/sandbox.md: projects"
)
# Start of the path template: what the product neither calls nor is deployed to.
NOT_IMPLEMENTED: Mapping[str, Known] = {
    "/environments": _PROJECTS,
    "/projects": _PROJECTS,
    "/logs/streams": Known("logs are read, never streamed to another service", "docs/sandbox.md: log streams"),
    "/notification-settings": Known("nobody is notified by the sandbox", "docs/sandbox.md: notifications"),
    "/webhooks": Known("no webhook is registered; deploys are polled", "docs/sandbox.md: webhooks"),
    "/services/{srv}/headers": Known("response headers exist for static sites only", "docs/sandbox.md: static sites"),
    "/services/{srv}/routes": Known("routes exist for static sites only", "docs/sandbox.md: static sites"),
}
# An exchange about a service that is not a web service.
OTHER_TYPES = Known(
    "web services and workers run: apps are deployed to those alone",
    "docs/sandbox.md: cron jobs, private services, static sites",
)
# Fields that Render has added since the recordings.
NEWER_FIELDS: Mapping[str, Known] = {
    name: Known("added by Render in 2025 or later, and absent in older recordings", f"Render OpenAPI: {name}")
    for name in ("autoDeployTrigger", "maxShutdownDelaySeconds", "renderSubdomainPolicy", "startedAt")
}
# Fields that only some of the recordings have.
OLDER_FIELDS: Mapping[str, Known] = {
    "finishedAt": Known(
        "null in a recording of 2025-01, and absent in the newest one of a service from git (2025-05)",
        "recording: finishedAt",
    ),
}
_MADE_UP = "each server makes it up; its type has to match"
# Fields of which only the type has to match.
OWN_VALUES: Mapping[str, Known] = {
    name: Known(_MADE_UP, f"recording: {name}")
    for name in (
        *("id", "createdAt", "updatedAt", "startedAt", "finishedAt", "cursor", "ownerId", "deployId", "serviceId"),
        *("url", "dashboardUrl", "sshAddress", "slug", "status", "sha", "repo", "message"),
    )
} | {
    "notifyOnFail": Known(
        "set through the notification settings, which are not implemented", "docs/sandbox.md: notifications"
    )
}
