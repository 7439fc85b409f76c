"""Every request of the Vast adapter, against Vast's published OpenAPI file.

The file and the service disagree in places; each place where the adapter follows the service is a row in `DEVIATIONS`,
with the reason. All else must validate, so a new field or a wrong type is detected here.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest
from openapi_core.validation.request.exceptions import InvalidRequestBody

from ert_deploy.core.model.desired import Criteria, Desired, Launch, Market, Phase
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.support.ids import nth

pytestmark = pytest.mark.contract
TOKEN = "0123456789abcdef0123456789abcdef"
LAUNCH = Launch("ghcr.io/me/backend:1", "gpt-oss:20b")
BID = Launch("ghcr.io/me/backend:1", "gpt-oss:20b", market=Market.INTERRUPTIBLE, bid=0.11)
CRITERIA = Criteria(max_dph=0.5, countries=("SE", "US"), gpu_names=("RTX 3090",), datacenter=True)

Properties = dict[str, Any]


def _create(spec: Properties) -> Properties:
    found: Properties = spec["paths"]["/api/v0/asks/{id}"]["put"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    return found


def _search(spec: Properties) -> Properties:
    found: Properties = spec["paths"]["/api/v0/bundles"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return found


def _nullable(names: tuple[str, ...]) -> Callable[[Properties], None]:
    def change(spec: Properties) -> None:
        for name in names:
            kind = _create(spec)["properties"][name]
            kind["type"] = [kind["type"], "null"]

    return change


def _env_is_an_object(spec: Properties) -> None:
    _create(spec)["properties"]["env"] = {"type": "object", "additionalProperties": {"type": "string"}}


def _one_sort_pair(spec: Properties) -> None:
    _search(spec)["properties"]["order"].pop("minItems", None)


def _hyphen(spec: Properties) -> None:
    _search(spec)["properties"]["type"]["enum"].append("on-demand")


DEVIATIONS: dict[str, Callable[[Properties], None]] = {
    "the SDK sends null for what is not given": _nullable(
        ("label", "onstart", "price", "image_login", "jupyter_dir", "template_hash_id", "user")
    ),
    "the server refuses a string env ('env must be a dict'), the file says string": _env_is_an_object,
    "one sort pair is normal, the file wants two": _one_sort_pair,
    "the SDK writes on-demand, the file ondemand": _hyphen,
}


@pytest.fixture(scope="module")
def published() -> Properties:
    root = Path(os.environ.get("ERT_SHARED", Path(__file__).parents[2].parent / "shared"))
    path = root / "contracts" / "vast-openapi.yaml"
    if not path.is_file():
        pytest.skip("Vast's published contract is not beside this repository (set ERT_SHARED)")
    loaded: Properties = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


@pytest.fixture(scope="module")
def as_served(published: Properties) -> OpenAPI:
    spec = copy.deepcopy(published)
    for change in DEVIATIONS.values():
        change(spec)
    return OpenAPI.from_dict(spec)


class Recorder:
    """Returns success for every call and records the requests."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        router = Router()
        for method in ("GET", "PUT", "POST", "DELETE"):
            for depth in ("/api/{v}/{a}", "/api/{v}/{a}/{b}", "/api/{v}/{a}/{b}/{c}"):
                router.add(method, depth, "any", self.answer)
        self.server = Server(router).start()

    def answer(self, request: Request) -> Reply:
        self.got.append(request)
        rows: dict[str, Any] = {"instances": [], "offers": [], "next_token": None, "total_instances": 0}
        if request.path.rstrip("/").endswith("/9"):
            rows["instances"] = None
        done = {
            "success": True,
            "new_contract": 9,
            "credit": 5.0,
            "id": 7,
            "result_url": f"{self.server.url}/api/v0/result",
        }
        return Reply.json({**rows, **done})


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.server.stop()


def order(launch: Launch) -> CreateOrder:
    desired = Desired("ert", Phase.RUNNING, launch, CRITERIA, ())
    return CreateOrder("5", launch, Mark("ert", TOKEN), desired.container_env(TOKEN, "ab" * 32, "cd" * 32))


CALLS: dict[str, Callable[[VastHost], object]] = {
    "account": lambda host: host.account(),
    "list": lambda host: host.list_instances(),
    "show": lambda host: host.get_instance(nth(9)),
    "search": lambda host: host.search(CRITERIA, LAUNCH),
    "search wide": lambda host: host.search(CRITERIA, LAUNCH, wide=True),
    "search bid": lambda host: host.search(CRITERIA, BID),
    "create": lambda host: host.create(order(LAUNCH)),
    "create bid": lambda host: host.create(order(BID)),
    "destroy": lambda host: host.destroy(nth(9)),
    "logs": lambda host: host.logs(nth(9), 100),
}


def as_published(request: Request) -> MockRequest:
    """Return the request for the published host; the file has no trailing slash, every client sends one."""
    return MockRequest(
        "https://console.vast.ai",
        request.method.lower(),
        request.path.rstrip("/"),
        args={name: values[-1] for name, values in request.query.items()},
        headers=dict(request.headers),
        data=request.body or None,
        content_type="application/json",
    )


@pytest.mark.parametrize("call", CALLS)
def test_every_request_is_one_the_contract_knows(call: str, recorder: Recorder, as_served: OpenAPI) -> None:
    CALLS[call](VastHost(Secret("k" * 32), recorder.server.url, WorldClock()))
    sent = [r for r in recorder.got if not r.path.endswith("/result")]
    assert len(sent) == 1
    as_served.validate_request(as_published(sent[0]))


@pytest.mark.parametrize("call", ["create", "search"])
def test_the_deviations_are_still_needed(call: str, recorder: Recorder, published: Properties) -> None:
    """A deviation must be deleted when the published file is corrected."""
    CALLS[call](VastHost(Secret("k" * 32), recorder.server.url, WorldClock()))
    with pytest.raises(InvalidRequestBody):
        OpenAPI.from_dict(copy.deepcopy(published)).validate_request(as_published(recorder.got[0]))
