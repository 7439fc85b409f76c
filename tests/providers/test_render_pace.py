"""Render's rate limits: read from every response, and respected before Render rejects a request."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.rate_limits import LONGEST_PAUSE, Pace, bucket_of, seconds_until
from ert_deploy.providers.render.web import RenderWeb
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.fakes.timing import FakeClock
from tests.support.render.recorded import CANARY, DEPLOYS, EMPTY, ENV, QUICK, SERVICE, deploy, variable

NOW = 1_800_000_000.0


def limits(limit: int, left: int, reset: object) -> dict[str, str]:
    return {"Ratelimit-Limit": str(limit), "Ratelimit-Remaining": str(left), "Ratelimit-Reset": str(reset)}


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        (limits(400, 399, 59), 0),
        (limits(400, 41, 59), 0),
        (limits(400, 39, 59), 60 / 40),
        (limits(400, 1, 59), 30),
        (limits(400, 0, 59), 60),
        (limits(400, 0, int(NOW) + 59), 60),
        (limits(400, 0, 3494), LONGEST_PAUSE),
        (limits(400, 0, "soon"), 0),
        (limits(400, 0, "nan"), 0),
        ({"Ratelimit-Remaining": "0"}, 0),
        ({}, 0),
    ],
    ids=["full", "plenty", "a tenth", "one", "none", "a time", "an hour", "a word", "nan", "half said", "unsaid"],
)
def test_the_nearer_the_limit_the_longer_the_pause(headers: dict[str, str], pause: float) -> None:
    pace = Pace()
    pace.note("GET", "/services", headers, NOW)
    assert pace.pause("GET", "/owners", NOW) == pytest.approx(pause)
    assert pace.pause("PUT", "/services/srv-1/env-vars/A", NOW) == 0, "another bucket"
    assert pace.pause("GET", "/services", NOW + 3600) == 0, "full again"


def test_deploys_have_a_bucket_per_service() -> None:
    kinds = [("POST", "/services/a/deploys"), ("POST", "/services/b/deploys"), ("GET", "/services/a/deploys")]
    kinds += [("GET", "/logs"), ("PUT", "/services/a/env-vars/A"), ("DELETE", "/services/b/env-vars/A")]
    names = [bucket_of(*kind) for kind in kinds]
    assert names == ["/services/a/deploys", "/services/b/deploys", "reads", "logs", "writes", "writes"]


def test_seconds_and_times_are_told_apart() -> None:
    assert seconds_until("37", NOW) == 37
    assert seconds_until(str(int(NOW) + 20), NOW) == 20
    assert seconds_until(str(int(NOW) - 20), NOW) == 0
    assert seconds_until("-5", NOW) is None
    assert seconds_until(None, NOW) is None


def test_an_empty_bucket_is_waited_out_before_the_call_and_not_after_a_refusal() -> None:
    clock = FakeClock()
    written = Answer(200, variable("A", "v"), limits(100, 0, 37))
    with scripted({f"PUT {ENV}/A": written, f"GET {ENV}": EMPTY}) as script:
        web = RenderWeb(Secret(CANARY), script.url + "/v1", clock, QUICK)
        web.put_env(SERVICE, "A", Secret("v"))
        assert clock.slept == 0
        web.read_env(SERVICE)
        assert clock.slept == 0, "reads have a bucket of their own"
        web.put_env(SERVICE, "A", Secret("v"))
    assert clock.slept == pytest.approx(38, abs=0.1)
    assert len(script.asked("PUT")) == 2


def test_the_last_deploys_of_a_minute_are_spread() -> None:
    clock = FakeClock()
    with scripted({f"GET {DEPLOYS}": EMPTY, f"POST {DEPLOYS}": Answer(201, deploy(), limits(10, 1, 59))}) as script:
        web = RenderWeb(Secret(CANARY), script.url + "/v1", clock, QUICK)
        web.deploy(SERVICE)
        web.deploy(SERVICE)
    assert clock.slept == pytest.approx(30, abs=0.1)
