"""Deploy lifecycle: requested, waiting, built, booted, live, and finally deactivated.

One runs per service. A second one waits (policy `wait`, in workspaces since July 2025: only the newest waiting one
will run) or cancels the first at once (`override`); render.com/docs/deploys, overlapping deploys. The environment is
read when a deploy *starts*, so it includes every variable written until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_deploy.sandbox.render.endings import Ended, ambush
from ert_deploy.sandbox.render.fleet import Canceled, Fleet, Unhealthy
from ert_deploy.sandbox.render.images import Image, pulled
from ert_deploy.sandbox.render.models import Commit, Deploy, Mode, Service, Timeline, new_commit
from ert_deploy.sandbox.render.process import Instance
from ert_deploy.sandbox.render.serialize import OUTCOMES, trigger_details
from ert_deploy.sandbox.render.store import Store, new_id


@dataclass(slots=True)
class Deployer:
    """Accepts requests for deploys and runs each in a thread."""

    store: Store
    fleet: Fleet
    timeline: Timeline

    def request(
        self,
        service: Service,
        *,
        mode: Mode = "build_and_deploy",
        trigger: str = "api",
        commit: Commit | None = None,
        image: Image | None = None,
        clear_cache: bool = False,
        rollback_of: str | None = None,
        at_once: bool = False,
        deploy_id: str | None = None,
    ) -> Deploy:
        """Create a deploy and start it, or let it wait (status `queued`) while another one is running."""
        now = self.store.clock.now()
        with self.store.lock:
            deploy = Deploy(
                id=deploy_id or new_id("dep"),
                seq=self.store.next_seq(),
                service_id=service.id,
                mode=mode,
                trigger=trigger,
                created=now,
                updated=now,
                commit=commit or self._commit(service, now),
                build_id=new_id("bld"),
                image=image or (pulled(service.image) if service.image else None),
                clear_cache=clear_cache,
                rollback_of=rollback_of,
                first=not any(d.service_id == service.id for d in self.store.deploys.values()),
                at_once=at_once,
            )
            self.store.deploys[deploy.id] = deploy
            self._admit(service, deploy)
        return deploy

    def _commit(self, service: Service, now: float) -> Commit | None:
        if service.image is not None:
            return None
        last = service.live.commit if service.live else None
        return last or new_commit(now, "Initial commit")

    def cancel(self, deploy: Deploy, reason: Mapping[str, Any] | None = None) -> None:
        """Cancel `deploy` unless it is finished; a waiting one starts at once."""
        with self.store.lock:
            service = self.store.services[deploy.service_id]
            if service.queued is deploy:
                service.queued = None
            running = service.active is deploy
            self._close(service, deploy, Ended("canceled", reason), announced=running)
            deploy.cancel.set()
            if running:
                self._release(service, deploy)

    def cancel_all(self, service: Service) -> None:
        """Cancel both the waiting and the active one, newest first so that none starts in between."""
        with self.store.lock:
            for deploy in (service.queued, service.active):
                if deploy is not None:
                    self.cancel(deploy)

    def _admit(self, service: Service, deploy: Deploy) -> None:
        if service.active is None:
            self._start(service, deploy)
        elif self.store.policy == "override":
            # Added first, so that it starts when the active one is stopped.
            service.queued = deploy
            self.cancel(service.active, {"newDeploy": {"id": deploy.id}})
        else:
            if service.queued is not None:
                self._skip(service, service.queued)
            deploy.status = "queued"
            service.queued = deploy

    # F53
    def _skip(self, service: Service, deploy: Deploy) -> None:
        self._close(service, deploy, Ended("canceled"), announced=False)
        if self.store.troubles.skipped_vanish:
            del self.store.deploys[deploy.id]

    def _start(self, service: Service, deploy: Deploy) -> None:
        service.active = deploy
        deploy.started = self.store.clock.now()
        # F52
        deploy.env = self.store.environment_of(service)
        deploy.files = self.store.files_of(service)
        self.mark(deploy, "created")
        self.fleet.workers.start(self._carry_out, service, deploy)

    def _carry_out(self, service: Service, deploy: Deploy) -> None:
        try:
            self._prepare(service, deploy)
            self._build(service, deploy)
            self.migrate(service, deploy)
            self._update(service, deploy)
        except Canceled:
            pass
        except Ended as end:
            with self.store.lock:
                self._close(service, deploy, end)
        finally:
            with self.store.lock:
                self._release(service, deploy)

    def _prepare(self, service: Service, deploy: Deploy) -> None:
        self._pause(deploy, self.timeline.created)
        if self.store.troubles.pipeline_minutes_exhausted:
            details = {"buildId": deploy.build_id, "trigger": trigger_details(self.store.user_id, deploy)}
            self.store.event(service, "pipeline_minutes_exhausted", details)
            raise Ended("canceled")

    def _build(self, service: Service, deploy: Deploy) -> None:
        if deploy.mode == "deploy_only" or deploy.rollback_of is not None or deploy.commit is None:
            return
        self.mark(deploy, "build_in_progress")
        opening = {"buildId": deploy.build_id, "trigger": trigger_details(self.store.user_id, deploy)}
        self.store.event(service, "build_started", opening)
        self.store.log(service.id, f"==> Checking out commit {deploy.commit.id}", kind="build")
        try:
            self.compile(service, deploy)
            ambush(self.store, service, deploy, "build_failed")
        except Canceled:
            self._build_ended(service, deploy, "canceled", {})
            raise
        except Ended as end:
            self._build_ended(service, deploy, "failed", end.reason)
            raise
        service.built = True
        self.store.log(service.id, "==> Build successful", kind="build")
        self._build_ended(service, deploy, "succeeded", {})

    def compile(self, _service: Service, deploy: Deploy) -> None:
        """Take the time of a build. Raises `Canceled`."""
        self._pause(deploy, self.timeline.build)

    def migrate(self, _service: Service, _deploy: Deploy) -> None:
        """Run what precedes a deploy; nothing here. Raises `Canceled` and `Ended`."""

    def _build_ended(self, service: Service, deploy: Deploy, outcome: str, reason: Mapping[str, Any]) -> None:
        details = {"buildId": deploy.build_id, "buildStatus": outcome, "status": OUTCOMES[outcome], "reason": reason}
        self.store.event(service, "build_ended", details)

    def _update(self, service: Service, deploy: Deploy) -> None:
        self.mark(deploy, "update_in_progress")
        details = {"deployId": deploy.id, "trigger": trigger_details(self.store.user_id, deploy)}
        self.store.event(service, "deploy_started", details)
        self.store.log(service.id, "==> Deploying...")
        trouble = self.store.troubles.take("unknown_status")
        deploy.shown_status = str(trouble["status"]) if trouble else None
        refuse = self.store.troubles.take("unhealthy") is not None
        started: list[Instance] = []
        try:
            for left in reversed(range(service.wanted_instances)):
                started.append(self.fleet.boot(service, deploy))
                self._settle(service, deploy, started, last=left == 0, refuse=refuse)
        except (Canceled, Ended):
            self.fleet.withdraw(service, started)
            raise

    def _settle(self, service: Service, deploy: Deploy, started: list[Instance], *, last: bool, refuse: bool) -> None:
        """Give traffic to the newest instance once it is healthy; instances are replaced one at a time."""
        instance = started[-1]
        self._pause(deploy, self.timeline.boot)
        for status in ("pre_deploy_failed", "update_failed", "canceled"):
            ambush(self.store, service, deploy, status, len(started))
        try:
            self.fleet.await_healthy(service, instance, deploy.cancel, refuse=refuse)
        except Unhealthy as sick:
            raise Ended("update_failed", {"failure": sick.failure}) from None
        with self.store.lock:
            if deploy.cancel.is_set() or not deploy.in_flight:
                raise Canceled
            old = [i for i in service.serving if i.deploy_id != deploy.id]
            self.fleet.promote(service, instance, old if last else old[:1])
            if last:
                self._go_live(service, deploy, instance)

    def _go_live(self, service: Service, deploy: Deploy, instance: Instance) -> None:
        before, service.live = service.live, deploy
        service.built = True
        if before is not None:
            self.mark(before, "deactivated")
        self._close(service, deploy, Ended("live"))
        self.store.log(service.id, "==> Your service is live", instance=instance.id)

    def _close(self, service: Service, deploy: Deploy, end: Ended, *, announced: bool = True) -> None:
        if not deploy.in_flight:
            return
        self.mark(deploy, end.status)
        deploy.finished = deploy.updated
        deploy.shown_status = None
        if announced:
            outcome = {"live": "succeeded", "canceled": "canceled"}.get(end.status, "failed")
            details = {"deployId": deploy.id, "deployStatus": outcome, "status": OUTCOMES[outcome]}
            self.store.event(service, "deploy_ended", details | {"reason": end.reason})

    def _release(self, service: Service, deploy: Deploy) -> None:
        if service.active is not deploy:
            return
        service.active = None
        waiting, service.queued = service.queued, None
        if waiting is not None and not self.store.closing.is_set():
            self._start(service, waiting)

    def mark(self, deploy: Deploy, status: str) -> None:
        """Set the status, unless the deploy is finished."""
        with self.store.lock:
            if deploy.in_flight or status == "deactivated":
                deploy.status = status
                deploy.updated = self.store.clock.now()

    def _pause(self, deploy: Deploy, world_seconds: float) -> None:
        if not deploy.at_once:
            self.store.clock.wait(deploy.cancel, world_seconds)
        if deploy.cancel.is_set() or self.store.closing.is_set():
            raise Canceled
