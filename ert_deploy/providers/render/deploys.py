"""Render deploys: starts the deploys of a service, follows their status and explains a failure.

A POST without a response is never repeated: the deploy that it may have started is searched for instead. Sources:
render.com/docs/deploys, Render's OpenAPI specification, and deploys recorded in `render-oss/terraform-provider-render`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ert_deploy.adapters.bounded_http import NoAnswer, Reply
from ert_deploy.core.model.errors import CannotObserve, ErtError, Gone, OutcomeUnknown, Rejected, Transient
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.ports import Clock, LogLine, WebService
from ert_deploy.providers.render.client import LIST_SIZE, RETRIED, Call, RenderHttp, path_of
from ert_deploy.providers.render.parse import (
    deploy_of,
    log_of,
    page_of,
    reason_of,
    stamp,
    thing_of,
    timed_log_of,
)

YOUNG = 15.0  # a new deploy may return 404 for this many seconds (JorgeLNJunior/render-deploy#24)
YOUNG_PAUSE = 2.0
LOOKS = (1.0, 3.0, 6.0)  # delays before each search for a deploy whose POST got no response
LOG_LINES = 50
MOST_LINES = 100  # of one response
BRIEFLY = 2  # attempts of a read that only adds details to an error


class _Unclear(Exception):
    """The POST may or may not have started a deploy; `error` is raised if none can be found."""

    def __init__(self, error: ErtError) -> None:
        super().__init__(error.summary)
        self.error = error


class RenderDeploys:
    """Deploys of the services that one API key can access."""

    def __init__(self, http: RenderHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def newest(self, service_id: str) -> WebDeploy | None:
        """Return the most recently created deploy, or None if there is none."""
        return max(self._recent(service_id, {}), key=lambda d: d.created, default=None)

    def start(self, service_id: str) -> WebDeploy | None:
        """Start a deploy without a build, or with one if Render has no build to reuse.

        Return None if it was accepted without an id (202). Raises `OutcomeUnknown` when the response was lost and no
        new deploy has been found since; `Transient`, `Rejected` (for example for a suspended service) or `UsageError`
        when none was started.
        """
        before = self._recent(service_id, {})
        try:
            started = self._post(path_of("services", service_id, "deploys"))
        except _Unclear as unclear:
            error = unclear.error
        else:
            return started
        return self._landed(service_id, before, error)

    def get(self, service_id: str, deploy_id: str) -> WebDeploy:
        """Return a deploy by id. Retry on 404, as it may be new; raise `Gone` when this does not change."""
        call = Call("GET", path_of("services", service_id, "deploys", deploy_id))
        first: float | None = None
        while (reply := self._http.answer(call)).status == 404:
            now = self._clock.now()
            first = now if first is None else first
            if now - first >= YOUNG:
                raise Gone(f"Render does not know deploy {deploy_id}", self._http.trace(call, reply))
            self._clock.sleep(YOUNG_PAUSE)
        if reply.status != 200:
            raise self._http.refusal(call, reply, CannotObserve)
        return self._http.parsed(call, reply, lambda raw: deploy_of(thing_of(raw, deploy_id)))

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        """Return Render's reason for the end of a deploy and the last log lines, if available. Never raises."""
        reason, log = self._reason(service, deploy), self._log(service, deploy)
        return "\n".join(filter(None, (reason or f"Render returned no reason for {deploy.status}", log)))

    def log(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        """Return the last lines of a service's log, oldest first; Render gives 100 at a time (docs, logging)."""
        asked = {"ownerId": service.owner_id, "resource": service.id, "direction": "backward"}
        call = Call("GET", "/logs", {**asked, "limit": str(min(tail, MOST_LINES))}, size=LIST_SIZE)
        lines = self._http.parsed(call, self._http.read(call), lambda raw: timed_log_of(raw, self._http.clean))
        return tuple(LogLine(at, text) for at, text in lines)

    def _recent(self, service_id: str, params: Mapping[str, str]) -> list[WebDeploy]:
        """Return the newest deploys, newest first; one page, because older ones are irrelevant."""
        call = Call("GET", path_of("services", service_id, "deploys"), {**params, "limit": "20"}, size=LIST_SIZE)
        reply = self._http.read(call)
        return self._http.parsed(call, reply, lambda raw: [deploy_of(item) for item in page_of(raw, "deploy")[0]])

    def _post(self, path: str) -> WebDeploy | None:
        call = Call("POST", path, body={"deployMode": "deploy_only"})
        try:
            reply = self._http.once(call)
            if reply.status == 400:
                call = Call("POST", path, body={})
                reply = self._http.once(call)
        except NoAnswer as trouble:
            if trouble.sent:
                raise _Unclear(self._http.silence(call, trouble, OutcomeUnknown)) from None
            raise self._http.silence(call, trouble, Transient) from None
        return self._started(call, reply)

    def _started(self, call: Call, reply: Reply) -> WebDeploy | None:
        if reply.status == 202 and not reply.body.strip():
            return None
        if reply.status == 429:
            raise self._http.refusal(call, reply, Transient)
        if 400 <= reply.status < 500 and reply.status not in RETRIED:
            raise self._http.refusal(call, reply, Rejected)
        try:
            if reply.status in (200, 201, 202):
                return deploy_of(reply.json())
        except ValueError:
            pass  # a 2xx without a valid body is treated like no response
        trace = self._http.trace(call, reply)
        raise _Unclear(OutcomeUnknown("Render did not report whether it started a deploy", trace))

    def _landed(self, service_id: str, before: Sequence[WebDeploy], unknown: ErtError) -> WebDeploy:
        """Return a deploy created after the call. Any new one is accepted: it uses the environment at its start.

        Older deploys are recognized by Render's own times and ids, so that an inaccurate local clock has no effect.
        """
        known = {deploy.id for deploy in before}
        after = {"createdAfter": stamp(max(d.created for d in before))} if before else {}
        for pause in LOOKS:
            self._clock.sleep(pause)
            try:
                seen = self._recent(service_id, after)
            except ErtError:
                continue
            fresh = [deploy for deploy in seen if deploy.id not in known]
            if fresh:
                return max(fresh, key=lambda d: d.created)
        raise unknown

    def _reason(self, service: WebService, deploy: WebDeploy) -> str:
        """Return the reason in the events since the start of the deploy; by default Render lists only the last hour."""
        try:
            path = path_of("services", service.id, "events")
            call = Call("GET", path, {"startTime": stamp(deploy.created - 1)})
            return self._http.clean(reason_of(self._http.pages(call, "event", BRIEFLY), deploy.id))
        except (ErtError, ValueError, OverflowError):
            return ""

    def _log(self, service: WebService, deploy: WebDeploy) -> str:
        try:
            asked = {"ownerId": service.owner_id, "resource": service.id, "direction": "backward"}
            window = {"startTime": stamp(deploy.created - 1), "limit": str(LOG_LINES)}
            call = Call("GET", "/logs", {**asked, **window}, size=LIST_SIZE)
            reply = self._http.read(call, BRIEFLY)
            return "\n".join(self._http.parsed(call, reply, lambda raw: log_of(raw, self._http.clean)))
        except (ErtError, ValueError, OverflowError):
            return ""
