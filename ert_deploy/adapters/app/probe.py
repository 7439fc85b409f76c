"""App status: fetches the configuration fingerprint that a running web app reports. It only sends GET requests.

A 200 is a weak proof: during a zero-downtime deploy the old process serves requests until the swap, and a sleeping free
service returns an HTML page (render.com/docs/deploys, render.com/docs/free). Only a JSON object with the fingerprint
field is accepted, and only a value in the format of a fingerprint: a config may name any URL, path and field, and the
value appears in the output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.provider import FORM
from ert_deploy.ports import AppAnswer, Clock

ATTEMPTS = 2  # a single lost packet must not count as "no fingerprint"
MOST_FORGOTTEN = 999_999
PAUSE = 2.0
INSTANCE = "instance"  # field with the id of the process, such as Render's RENDER_INSTANCE_ID
FINGERPRINT = re.compile(r"[0-9a-f]{16}")  # the format of `app_env.fingerprint`


class HttpAppProbe:
    """Probe over HTTP. `bounds` apply to each request, which wakes a sleeping free service but does not wait for it."""

    def __init__(self, clock: Clock, bounds: Bounds | None = None) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds(connect=5, read=10, total=15, size=64 * KIB)

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """Return the value of `target.health_field` in the response of `target.health_path`, or None without one."""
        url = app_url.rstrip("/") + "/" + target.health_path.lstrip("/")
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.sleep(PAUSE)
            try:
                reply = exchange("GET", url, self._bounds)
            except NoAnswer as trouble:
                if trouble.lasting:
                    return None
                continue
            if reply.status < 500:
                return _field(reply, target.health_field) if reply.status == 200 else None
        return None

    def fingerprints(self, app_url: str, target: Target, most: int) -> Mapping[str, str]:
        """Return the fingerprint of each instance that answered, by the id in the field `instance`; "" for none.

        A host spreads requests over the instances, so that each of `most` may be answered by any of them.
        """
        url, found = app_url.rstrip("/") + "/" + target.health_path.lstrip("/"), dict[str, str]()
        for _ in range(most):
            try:
                reply = exchange("GET", url, self._bounds)
            except NoAnswer:
                break
            instance = _instance(reply) if reply.status == 200 else ""
            if not instance:
                break
            found[instance] = _field(reply, target.health_field) or ""
        return found

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        """Return the status of `target.health_path` and the `Location` of a redirect; status 0 without a response."""
        url = app_url.rstrip("/") + "/" + target.health_path.lstrip("/")
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.sleep(PAUSE)
            try:
                reply = exchange("GET", url, self._bounds)
            except NoAnswer:
                continue
            return _answer(reply)
        return AppAnswer(0)


def _answer(reply: Reply) -> AppAnswer:
    """Return the response with what ERT's dashboard adds to it; other apps have no such fields."""
    try:
        shown = reply.json() if reply.status == 200 else None
    except ValueError:
        shown = None
    shown = shown if isinstance(shown, dict) else {}
    forgets, alone = shown.get("forgets"), shown.get("shared") is False
    count = forgets if type(forgets) is int and 0 < forgets <= MOST_FORGOTTEN else 0
    return AppAnswer(reply.status, reply.headers.get("Location", ""), count, alone)


def _instance(reply: Reply) -> str:
    """Return the id of the instance that sent this response; empty if it does not say so."""
    try:
        shown = reply.json()
    except ValueError:
        return ""
    value = shown.get(INSTANCE) if isinstance(shown, dict) else None
    return value if isinstance(value, str) and FORM.fullmatch(value) else ""


def _field(reply: Reply, name: str) -> str | None:
    try:
        shown = reply.json()
    except ValueError:
        return None
    value = shown.get(name) if isinstance(shown, dict) else None
    return value if isinstance(value, str) and FINGERPRINT.fullmatch(value) else None


def speaks_openai(app_url: str, target: Target) -> bool | None:
    """Return `features.openai` of the health page, as ERT's dashboard has it; None without that field."""
    url = app_url.rstrip("/") + "/" + target.health_path.lstrip("/")
    try:
        shown = exchange("GET", url, Bounds(connect=5, read=10, total=15, size=64 * KIB)).json()
    except (NoAnswer, ValueError):
        return None
    features = shown.get("features") if isinstance(shown, dict) else None
    found = features.get("openai") if isinstance(features, dict) else None
    return found if isinstance(found, bool) else None
