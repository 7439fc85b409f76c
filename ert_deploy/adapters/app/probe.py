"""Asks a running web app which configuration it runs with. It judges nothing and sends nothing but a GET.

A 200 proves little: under a zero-downtime deploy the old process answers until the swap, and a free service that
sleeps answers with a page in HTML (render.com/docs/deploys, render.com/docs/free). Only a JSON object with the
fingerprint field counts, and only what has a fingerprint's form: a config may name any address, path and field, and
what is read is printed.
"""

from __future__ import annotations

import re

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange
from ert_deploy.core.model.desired import Target
from ert_deploy.ports import AppAnswer, Clock

ATTEMPTS = 2  # one lost packet is not "the app shows nothing"
PAUSE = 2.0
FINGERPRINT = re.compile(r"[0-9a-f]{16}")  # what `app_env.fingerprint` makes


class HttpAppProbe:
    """`bounds` limit each single look; a sleeping free service is woken by being looked at, not waited for."""

    def __init__(self, clock: Clock, bounds: Bounds | None = None) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds(connect=5, read=10, total=15, size=64 * KIB)

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """What the app reports in `target.health_field` at `target.health_path`; None when it reports none."""
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

    def answer(self, app_url: str, target: Target) -> AppAnswer:
        """The status at `target.health_path`, and where a redirect leads; status 0 when nobody answers."""
        url = app_url.rstrip("/") + "/" + target.health_path.lstrip("/")
        for attempt in range(ATTEMPTS):
            if attempt:
                self._clock.sleep(PAUSE)
            try:
                reply = exchange("GET", url, self._bounds)
            except NoAnswer:
                continue
            return AppAnswer(reply.status, reply.headers.get("Location", ""))
        return AppAnswer(0)


def _field(reply: Reply, name: str) -> str | None:
    try:
        shown = reply.json()
    except ValueError:
        return None
    value = shown.get(name) if isinstance(shown, dict) else None
    return value if isinstance(value, str) and FINGERPRINT.fullmatch(value) else None
