"""Sessions of an agent: they can be stopped at every wait, and without a key of the web host they change no app."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from threading import Event

from ert_deploy.adapters.extras import must_have
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.config import Settings, read_key
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.endpoints import own_key
from ert_deploy.ports import Audience, Clock
from ert_deploy.wiring import Session

KEY = "ERT_AGENT_KEY"
LEAST_WAIT = 0.001  # seconds: a shorter rest of a wait is none
SLICE = 0.5  # real seconds of a wait after which it is known whether to stop


class Ended(BaseException):
    """The agent ends: the run is left as if it was killed, and the next one continues it."""


def must_be_installed(*, beside: bool = False) -> None:
    """Raise UsageError if the extra is absent, or that of one `beside` the dashboard."""
    for package in ("starlette", "uvicorn", "prometheus_client"):
        must_have(package, "agent", "the agent")
    if beside:
        must_have("supervisor", "beside", "agent --beside")


def steady() -> float:
    """Return the seconds of a clock that cannot be set."""
    from ert_deploy.adapters.clock import RealClock

    return RealClock().steady()


def agent_key() -> Secret:
    """Return the key that apps show to the agent. Raises UsageError."""
    hint = "`openssl rand -hex 32` makes one; the app gets the same"
    if not os.environ.get(KEY):
        raise UsageError(f"the key of the agent is missing: {KEY} is not set", hint=hint)
    return own_key("agent", KEY, hint)


def why_not_publish(settings: Settings, *, gpu_only: bool) -> str:
    """Return why the apps' variables are not changed; empty if they are."""
    host = settings.web.provider.name
    if gpu_only:
        return f"it was started without {host}: variables are not changed"
    if settings.sandbox is not None:
        return ""
    try:
        read_key(settings.web.key, os.environ)
    except UsageError as error:
        return f"{error.summary}: variables at {host} are not changed"
    return ""


def hosted(deployment: Deployment, ending: Event, *, publishes: bool) -> Deployment:
    """Return the deployment with such sessions. Raises UsageError for one without a rented machine."""
    rented_only(deployment, "agent")

    def connect(settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool) -> Session:
        made = deployment.connector(settings, audience, start_sandbox=start_sandbox, gpu=gpu, web=web and publishes)
        clock = Interruptible(made.ports.clock, ending, SLICE * made.speed)
        desired = replace(made.desired, publishes=publishes)
        return replace(made, desired=desired, ports=replace(made.ports, clock=clock))

    return replace(deployment, connector=connect)


@dataclass(frozen=True, slots=True)
class Interruptible:
    """Clock whose waits end with `Ended` once `ending` is set. `step` is in seconds of that clock."""

    clock: Clock
    ending: Event
    step: float

    @property
    def zone(self) -> str:
        """How a date of it is marked."""
        return self.clock.zone

    def now(self) -> float:
        """Return the Unix time."""
        return self.clock.now()

    def steady(self) -> float:
        """Return the time of a clock that cannot be set."""
        return self.clock.steady()

    def sleep(self, seconds: float) -> None:
        """Wait; raise Ended if the agent ends meanwhile."""
        until = self.clock.steady() + seconds
        while (left := until - self.clock.steady()) > LEAST_WAIT:
            if self.ending.is_set():
                raise Ended
            self.clock.sleep(min(left, self.step))
