"""Table of outgoing calls, each made by its production module to a server on loopback."""

from __future__ import annotations

import asyncio
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apprise
import pytest
import requests.sessions

from ert_backend.base.activity import OffSwitch
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.clouds.calls import ask, read_own
from ert_backend.guard.rules import Action
from ert_dashboard.backend import agent_client, workflow_client
from ert_dashboard.backend import client as dashboard_backend
from ert_dashboard.backend.agent_client import AgentClient
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.workflow_client import WorkflowClient
from ert_dashboard.base.agent import Agent
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.clock import SystemClock
from ert_dashboard.base.interrupt import Interrupt
from ert_dashboard.base.secret import Secret as DashboardSecret
from ert_dashboard.base.workflow import Workflow
from ert_dashboard.market import edgar
from ert_deploy.adapters import registry as registries
from ert_deploy.adapters.app.dashboard_client import ErtApp
from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.backend.pinned_stream import Order, Within, request
from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.adapters.clock import SystemEntropy
from ert_deploy.adapters.docker_images import DockerImages
from ert_deploy.adapters.notify import child as notify_child
from ert_deploy.adapters.prometheus import Prometheus
from ert_deploy.adapters.recorder import Recorder, Recording
from ert_deploy.adapters.registry import Registries
from ert_deploy.adapters.state import s3_http
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.core.launching.manifest import Access, Manifest
from ert_deploy.core.model.desired import Criteria, Launch, Target
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.render.recording import record as record_render
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.providers.vast import logs, strict_client
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.providers.vast.recording import record as record_vast
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.docker_engine_api import DIGEST
from tests.support.doubles.scripted_http import Answer, Script, Seen
from tests.support.fakes.timing import FakeClock
from tests.support.ids import nth
from tests.support.render.recorded import SERVICE, service, variable

ROOT = Path(__file__).resolve().parents[2]
OWN = "own-key-0123456789abcdef"
TOKEN = "0123456789abcdef" * 2
LAUNCH = Launch("img/backend:1", "gpt-oss:20b", disk_gb=40)
SECTIONS = {"success": True, "report_id": "r-1", "data": {"status": "completed"}, "report": {"sections": {}}}
VAST_GOOD: dict[tuple[str, str], Any] = {
    ("GET", "/api/v0/users/current"): {"credit": 5.0, "id": 7},
    ("GET", "/api/v1/instances/"): {"success": True, "instances": [], "total_instances": 0, "next_token": None},
    ("GET", "/api/v0/instances/9/"): {"instances": None},
    ("POST", "/api/v0/bundles/"): {"success": True, "offers": []},
    ("PUT", "/api/v0/asks/5/"): {"success": True, "new_contract": 7},
    ("DELETE", "/api/v0/instances/9/"): {"success": True},
    ("PUT", "/api/v0/instances/9/"): {"success": True},
}
JWT = "aaaa.bbbb.cccc"


@dataclass(frozen=True)
class Outgoing:
    """One type of call. `run` raises an error or returns the result; `nothing`: values that mean no result."""

    name: str
    module: str
    good: Callable[[Seen], Answer]
    run: Callable[[Script, Bounds], Any]
    authorization: str | None = f"Bearer {OWN}"  # prefix of the header; None for no header
    nothing: tuple[Any, ...] = ()
    pinned: bool = False  # accepts one certificate, independent of the environment
    tls: bool = True
    bounded: bool = True  # in time and size


def always(body: Any, status: int = 200, **headers: str) -> Callable[[Seen], Answer]:
    return lambda _: Answer(status, body, headers)


def vast(name: str, call: Callable[[VastHost], Any]) -> Outgoing:
    """Return a call of Vast.ai's API through the SDK."""

    def run(script: Script, bounds: Bounds) -> Any:
        host = VastHost(Secret(OWN), script.url, FakeClock(), act_within=bounds.total)
        host._session.sdk.client.timeout = bounds.total
        return call(host)

    def good(seen: Seen) -> Answer:
        return Answer(200, VAST_GOOD[seen.method, seen.path.removesuffix("?")])

    return Outgoing(f"Vast.ai: {name}", "ert_deploy/providers/vast/strict_client.py", good, run)


def order() -> CreateOrder:
    armed = {"ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}
    return CreateOrder("5", LAUNCH, Mark("ert", TOKEN), {"ERT_TOKEN": TOKEN, "ERT_BOOT_SECRET": "ab" * 32, **armed})


def render(name: str, good: Callable[[Seen], Answer], call: Callable[[RenderWeb], Any]) -> Outgoing:
    """Return a call of Render's API."""

    def run(script: Script, bounds: Bounds) -> Any:
        return call(RenderWeb(Secret(OWN), script.url + "/v1", FakeClock(), bounds))

    return Outgoing(f"Render: {name}", "ert_deploy/providers/render/client.py", good, run)


def s3(name: str, call: Callable[[S3Objects], Any]) -> Outgoing:
    """Return a call by boto3, with keys from the environment."""

    def run(script: Script, _: Bounds) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "s3-secret")
            return call(S3Objects("bucket", FakeClock(), script.url, "us-east-1"))

    def good(seen: Seen) -> Answer:
        return Answer(200, b"{}" if seen.method == "GET" else None, {"ETag": '"1"'})

    return Outgoing(f"S3: {name}", "ert_deploy/adapters/state/s3_http.py", good, run, "AWS4-HMAC-SHA256 ")


def backend(name: str, good: Any, call: Callable[[TlsBackendProbe, Address], Any], own: str | None) -> Outgoing:
    """Return a call of the GPU backend, with its pinned certificate."""

    def run(script: Script, bounds: Bounds) -> Any:
        probe = TlsBackendProbe(SystemEntropy(), allow_loopback=True, total=bounds.total)
        address = Address("127.0.0.1", script.port)
        probe._proven.add((address, pair().pem))  # as after a valid response from /identity
        return call(probe, address)

    return Outgoing(f"backend: {name}", "ert_deploy/adapters/backend/tls.py", always(good), run, own, pinned=True)


def completion(script: Script, bounds: Bounds) -> Any:
    """Send a completion as the agent's gateway does. Raises AssertionError for another status than 200."""

    async def made() -> bytes:
        headers = (("Authorization", f"Bearer {OWN}"),)
        within = Within(bounds.total, bounds.total, bounds.total)
        order = Order("POST", "/v1/chat/completions", headers, b"{}")
        reply = await request(Address("127.0.0.1", script.port), pair().pem, "ert", order, within)
        try:
            assert reply.status == 200
            return b"".join([piece async for piece in reply.pieces()])
        finally:
            reply.close()

    return asyncio.run(made())


def engine(seen: Seen) -> Answer:
    """Handle a push like a Docker engine."""
    if seen.path.endswith("/version"):
        return Answer(200, {"ApiVersion": "1.41"})
    if seen.method == "GET":
        return Answer(200, {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64"})
    return Answer(200, {"aux": {"Tag": "1", "Digest": DIGEST, "Size": 1}})


def docker(script: Script, _: Bounds) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", "/nonexistent")
        return DockerImages({"DOCKER_HOST": f"tcp://127.0.0.1:{script.port}"}).push("r.example/x:1", lambda _: None)


def guard(script: Script, bounds: Bounds) -> Any:
    env = {"CONTAINER_ID": "4711", "CONTAINER_API_KEY": OWN, "ERT_VAST_API": script.url, "ERT_TOKEN": TOKEN}
    return ask(guard_settings.load({**env, "ERT_DATA_DIR": "/nonexistent"}), Action.STOP, bounds.total).success


def guard_reading(script: Script, bounds: Bounds) -> Any:
    env = {"CONTAINER_ID": "4711", "CONTAINER_API_KEY": OWN, "ERT_VAST_API": script.url, "ERT_TOKEN": TOKEN}
    return read_own(guard_settings.load({**env, "ERT_DATA_DIR": "/nonexistent"}), bounds.total) is OffSwitch.PROVEN


def dashboard(script: Script, bounds: Bounds) -> Any:
    client = BackendClient(Backend(script.url, DashboardSecret(OWN), pair().pem, 5.0))
    try:
        with Interrupt() as interrupt:
            interrupt.limit(bounds.total)
            return client.status(interrupt)
    finally:
        client.close()


def agent(script: Script, bounds: Bounds) -> Any:
    client = AgentClient(Agent(script.url, DashboardSecret(OWN), pair().pem))
    try:
        with pytest.MonkeyPatch.context() as patch, Interrupt() as interrupt:
            patch.setattr(agent_client, "WAKE_S", bounds.total)
            return client.wake(interrupt).ready
    finally:
        client.close()


def workflow(script: Script, bounds: Bounds) -> Any:
    client = WorkflowClient(Workflow("a/b", "c.yml", "d", DashboardSecret(OWN), api=script.url), SystemClock())
    with closing(client), pytest.MonkeyPatch.context() as patch, Interrupt() as interrupt:
        patch.setattr(workflow_client, "CALL_S", bounds.total)
        found = client.wake(interrupt)
        assert not found.problem, found.problem
        return found.after


def sec(script: Script, bounds: Bounds) -> Any:
    source = edgar.Edgar(
        "Example ops@example.com", SystemClock(), files_url=script.url, data_url=script.url, total_s=bounds.total
    )
    try:
        return source.tickers()
    finally:
        source.close()


def aws_token(script: Script, bounds: Bounds) -> Any:
    spec = importlib.util.spec_from_file_location("aws_token", ROOT / "ci" / "action" / "aws_token.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TOTAL = bounds.total
    asked = {"ACTIONS_ID_TOKEN_REQUEST_URL": script.url + "/idtoken", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": OWN}
    return module.fetch(asked)


def log_text(script: Script, _: Bounds) -> str:
    return logs.fetch(f"{script.url}/instance_logs/x.log", script.url, FakeClock())


def registry(script: Script, _: Bounds) -> Manifest | None:
    found = Registries().image(f"{script.url.partition('://')[2]}/me/app:1")
    return None if found.access is Access.UNREAD else found


def recording(script: Script, bounds: Bounds) -> Any:
    made = Recording()
    record_vast(Recorder(made, "vast", script.url, Secret(OWN), FakeClock(), bounds))
    record_render(Recorder(made, "render", script.url, Secret(OWN), FakeClock(), bounds), SERVICE)
    return made


def notice(script: Script, bounds: Bounds) -> bool:
    """Send a notice as the child process does, in this one."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):  # of its plugins' imports
        patch.setattr(requests.sessions.Session, "send", requests.sessions.Session.send)
        patch.setattr(requests.sessions, "get_netrc_auth", requests.sessions.get_netrc_auth)
        notify_child.install(bounds, lambda address: address.is_loopback)
        place = apprise.Apprise.instantiate(f"jsons://127.0.0.1:{script.port}/in")
        return bool(place is not None and place.notify(body="asleep"))


HEALTH = {"fingerprint": "0123456789abcdef"}
CALLS = (
    vast("account", lambda host: host.account()),
    vast("list", lambda host: host.list_instances()),
    vast("one instance", lambda host: host.get_instance(nth(9))),
    vast("search", lambda host: host.search(Criteria(0.4), LAUNCH)),
    vast("create", lambda host: host.create(order())),
    vast("start", lambda host: host.start(nth(9))),
    vast("stop", lambda host: host.stop(nth(9))),
    vast("destroy", lambda host: host.destroy(nth(9))),
    Outgoing("a recording", "ert_deploy/adapters/recorder.py", always({"instances": []}), recording),
    Outgoing("Vast.ai: text of a log", "ert_deploy/providers/vast/logs.py", always(b"a line\n"), log_text, None),
    Outgoing(
        "registry: a manifest",
        "ert_deploy/adapters/registry.py",
        always({"layers": [{"size": 5}]}),
        registry,
        None,
        (None,),
        tls=False,
    ),
    render("service", always(service()), lambda web: web.service(SERVICE)),
    render("write a variable", always(variable("A", "v")), lambda web: web.put_env(SERVICE, "A", Secret("v"))),
    Outgoing(
        "app: its fingerprint",
        "ert_deploy/adapters/app/probe.py",
        always(HEALTH),
        lambda script, bounds: HttpAppProbe(FakeClock(), bounds).fingerprint(script.url, Target("x")),
        None,
        (None,),
    ),
    Outgoing(
        "app: report",
        "ert_deploy/adapters/app/dashboard_client.py",
        always(SECTIONS),
        lambda script, bounds: ErtApp(script.url, FakeClock(), bounds).report("AAPL", 60, lambda *_: None),
        None,
    ),
    s3("read the state", lambda objects: objects.get("ert.json")),
    s3("write the state", lambda objects: objects.put("ert.json", b"{}", None, "m")),
    backend("key", {"queue": {}}, lambda p, at: p.accepts(at, pair().pem, Secret(OWN)), f"Bearer {OWN}"),
    backend(
        "change of keys",
        {"generation": 1},
        lambda p, at: p.set_keys(at, pair().pem, Secret("ab" * 32), 1, ("c" * 64,)),
        "Bearer ",
    ),
    Outgoing(
        "Docker engine",
        "ert_deploy/adapters/docker_images.py",
        engine,
        docker,
        None,
        tls=False,
        bounded=False,
    ),
    Outgoing(
        "guard: stop itself",
        "images/llm-backend/ert_backend/guard/clouds/calls.py",
        always({"success": True}),
        guard,
        nothing=(False,),
    ),
    Outgoing(
        "guard: show itself",
        "images/llm-backend/ert_backend/guard/clouds/calls.py",
        always({"instances": {"id": 4711}}),
        guard_reading,
        nothing=(False,),
    ),
    Outgoing(
        "dashboard: backend",
        "images/dashboard/ert_dashboard/backend/client.py",
        always({"status": "healthy"}),
        dashboard,
        pinned=True,
    ),
    Outgoing(
        "dashboard: agent",
        "images/dashboard/ert_dashboard/backend/agent_client.py",
        always({"phase": "ready"}),
        agent,
        nothing=(False,),
        pinned=True,
    ),
    Outgoing(
        "dashboard: workflow",
        "images/dashboard/ert_dashboard/backend/workflow_client.py",
        always({"workflow_runs": []}),
        workflow,
    ),
    Outgoing(
        "agent: a completion",
        "ert_deploy/adapters/backend/pinned_stream.py",
        always({"choices": []}),
        completion,
        pinned=True,
        bounded=False,
    ),
    Outgoing("dashboard: SEC", "images/dashboard/ert_dashboard/market/edgar.py", always({"0": {}}), sec, None),
    Outgoing("a notice", "ert_deploy/adapters/notify/child.py", always({}), notice, None, nothing=(False,)),
    Outgoing(
        "Prometheus: a query",
        "ert_deploy/adapters/prometheus.py",
        always({"status": "success", "data": {"resultType": "vector", "result": []}}),
        lambda script, bounds: Prometheus(script.url, "ert", Secret(OWN), bounds).covered(1.0),
    ),
    Outgoing("action: identity", "ci/action/aws_token.py", always({"value": JWT}), aws_token),
)


@contextmanager
def shortened(bounds: Bounds) -> Iterator[None]:
    """Set the limits that are module constants to the values of `bounds`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_client, "SIZE", bounds.size)
        patch.setattr(logs, "BOUNDS", bounds)
        patch.setattr(logs, "OVER", 2 * bounds.total)
        patch.setattr(registries, "BOUNDS", bounds)
        patch.setattr(s3_http, "BOUNDS", bounds)
        patch.setattr(dashboard_backend, "_LARGEST_ANSWER", bounds.size)
        patch.setattr(agent_client, "_LARGEST_ANSWER", bounds.size)
        patch.setattr(workflow_client, "_LARGEST_ANSWER", bounds.size)
        patch.setattr(edgar, "_LARGEST", bounds.size)
        yield
