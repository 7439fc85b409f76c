"""Starting, following and explaining the deploys of a Render service.

A POST whose answer was lost is never sent again: the deploy it may have started is looked for instead. Sources:
render.com/docs/deploys, the official OpenAPI, and deploys recorded in render-oss/terraform-provider-render.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ert_deploy.adapters.bounded_http import NoAnswer, Reply
from ert_deploy.adapters.render.client import LIST_SIZE, RETRIED, Call, RenderHttp, path_of
from ert_deploy.adapters.render.parse import deploy_of, log_of, page_of, reason_of, stamp, thing_of
from ert_deploy.core.model.errors import CannotObserve, ErtError, Gone, OutcomeUnknown, Rejected, Transient
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.ports import Clock, WebService

YOUNG = 15.0  # reads may not know a new deploy for so long (JorgeLNJunior/render-deploy#24)
YOUNG_PAUSE = 2.0
LOOKS = (1.0, 3.0, 6.0)  # seconds before each look for a deploy whose answer was lost
LOG_LINES = 50
BRIEFLY = 2  # attempts of a read that only explains


class _Unclear(Exception):
    """The POST may or may not have started a deploy; `error` is what to raise if looking does not tell."""

    def __init__(self, error: ErtError) -> None:
        super().__init__(error.summary)
        self.error = error


class RenderDeploys:
    """The deploys of the services one key reaches."""

    def __init__(self, http: RenderHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def newest(self, service_id: str) -> WebDeploy | None:
        """The most recently created deploy, or None when there never was one."""
        return max(self._recent(service_id, {}), key=lambda d: d.created, default=None)

    def start(self, service_id: str) -> WebDeploy | None:
        """Start a deploy without a build, or with one where Render has no build to reuse.

        None: accepted without an id (202). OutcomeUnknown: the answer was lost and no new deploy has shown up since.
        Transient, Rejected (a suspended service, say) and UsageError: none was started.
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
        """One deploy by id; a 404 is waited out, as it may be young. Gone when it stays unknown."""
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
        """Render's reason for the end of a deploy and the tail of the log, as far as they can be had. Never raises."""
        reason, log = self._reason(service, deploy), self._log(service, deploy)
        return "\n".join(filter(None, (reason or f"Render gives no reason for {deploy.status}", log)))

    def _recent(self, service_id: str, params: Mapping[str, str]) -> list[WebDeploy]:
        """The newest deploys, newest first; one page, because older ones decide nothing."""
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
            pass  # a success that cannot be read is as unclear as no answer
        trace = self._http.trace(call, reply)
        raise _Unclear(OutcomeUnknown("Render did not say whether it started a deploy", trace))

    def _landed(self, service_id: str, before: Sequence[WebDeploy], unknown: ErtError) -> WebDeploy:
        """A deploy that was not there before the call. Any new one will do: it takes the environment at its start.

        "Before" is told by Render's own times and ids, so that a wrong clock of ours does no harm.
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
        """From the events since the deploy began; without a start Render shows the last hour only."""
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
