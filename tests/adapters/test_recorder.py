"""The recorder: its requests, its handling of invalid responses, and that nothing identifying is left."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ert_deploy.adapters.bounded_http import Bounds, Reply
from ert_deploy.adapters.recorder import Recorder, Recording
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers import recording
from tests.support.doubles.scripted_http import Answer, Answers, Script, scripted
from tests.support.fakes.timing import FakeClock
from tests.support.render.recorded import SERVICE

ROW = {"id": 31, "label": "mine"}
SCRIPT: Answers = {
    "GET /api/v0/users/current/": Answer(200, {"id": 1}),
    "GET /api/v1/instances/": Answer(200, {"instances": [ROW]}),
    "POST /api/v0/bundles/": Answer(200, {"offers": []}),
    "GET /api/v0/instances/31/": Answer(200, {"instances": ROW}),
    "GET /api/v0/instances/1/": Answer(404, {"success": False, "error": "no_such_instance", "msg": "no id 1"}),
    "GET /users": Answer(200, {"email": "a@example.com"}),
    "GET /owners": Answer(200, []),
    "GET /services": Answer(200, [{"service": {"id": SERVICE}}]),
    f"GET /services/{SERVICE}": Answer(200, {"id": SERVICE}),
    f"GET /services/{SERVICE}/deploys": Answer(200, []),
    f"GET /services/{SERVICE}/events": Answer(200, []),
    f"GET /services/{SERVICE}/instances": Answer(500, b"<html>Bad Gateway</html>"),
}


def record(script: Script, service: str = "shop") -> Recording:
    made = Recording()
    for provider, about in (("vast", ()), ("render", (service,))):
        ask = Recorder(made, provider, script.url, Secret("a-key-of-somebody"), FakeClock(), Bounds(total=5))
        recording(provider)(ask, *about)
    return made


def test_every_call_only_reads_and_every_answer_is_recorded() -> None:
    with scripted(SCRIPT) as script:
        made = record(script)
    assert {f"{seen.method} {seen.path}" for seen in script.seen} == set(SCRIPT)
    assert [one["status"] for one in made.exchanges].count(404) == 1
    assert made.exchanges[-1]["response_body"] == "redacted"
    templates = [one["path_template"] for one in made.exchanges]
    assert "/api/v0/instances/{missing}/" in templates
    assert not any("31" in path or SERVICE in path for path in templates)


def test_a_service_named_by_its_id_is_not_searched() -> None:
    with scripted({call: answer for call, answer in SCRIPT.items() if call != "GET /services"}) as script:
        record(script, SERVICE)
    assert len(script.seen) == len(SCRIPT) - 1


@pytest.mark.parametrize("answer", [Answer(302, None, {"Location": "http://127.0.0.1:9/"})])
def test_a_redirect_is_not_followed_and_ends_it(answer: Answer) -> None:
    with (
        scripted({**SCRIPT, "GET /users": answer}) as script,
        pytest.raises(CannotObserve, match="GET /users of render was redirected, which is not followed"),
    ):
        record(script)


SECRET = "whose-is-this-7f3a"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"label": SECRET}, {"label": "redacted"}),
        ({"status": SECRET}, {"status": "redacted"}),
        ({"status": "live", "gpu_name": "RTX 4090"}, {"status": "live", "gpu_name": "RTX 4090"}),
        ({"extra_env": [["NAME", SECRET]]}, {"extra_env": [["redacted", "redacted"]]}),
        ({"env": {"status": "live", SECRET: "x"}}, {"env": {"redacted-1": "redacted", "redacted-2": "redacted"}}),
        ({SECRET: 1}, {"redacted-1": 1}),
        ({"label_counts": {"mine": 2}}, {"label_counts": {"redacted-1": 2}}),
        ({"type": "srv-cu2k4j3qf0us73fbv7u0"}, {"type": "redacted"}),
        ({"region": "203.0.113.9"}, {"region": "redacted"}),
        ({"id": 31, "host_id": 31, "machine_id": 7}, {"id": 1, "host_id": 1, "machine_id": 2}),
        ({"credit": 12.5, "ssh_port": 22022, "dph_total": 0.3}, {"credit": 1, "ssh_port": 2, "dph_total": 0.3}),
        ({"ids": [31, 32, 31]}, {"ids": [1, 2, 1]}),
        (
            {"msg": "Instance 31 of a@example.com at 203.0.113.9 is gone."},
            {"msg": "Instance ... of ... at ... is gone."},
        ),
        (
            {"at": "2026-11-29T09:56:12.1Z", "no": None, "yes": True},
            {"at": "2026-11-29T09:56:12.1Z", "no": None, "yes": True},
        ),
        (SECRET, "redacted"),
    ],
)
def test_values_that_can_identify_somebody_are_replaced(body: Any, kept: Any) -> None:
    assert Recording().redacted(body) == kept


def test_headers_that_identify_somebody_are_left_out() -> None:
    made = Recording()
    headers = {
        "Content-Type": "application/json",
        "Set-Cookie": SECRET,
        "Retry-After": "3",
        "Render-Request-Id": SECRET,
    }
    made.add({"provider": "vast", "method": "GET", "path_template": "/"}, Reply(200, headers, b""), None)
    (one,) = json.loads(made.text())["exchanges"]
    assert one["response_headers"] == {"content-type": "application/json", "retry-after": "3"}
