"""The deployer's client of the dashboard against the real one: login, stages, following by id, the list."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import make_server

from ert_dashboard.auth.password import hash_password
from ert_dashboard.web.app import Dashboard
from ert_deploy.adapters.app.dashboard_client import ErtApp
from ert_deploy.adapters.app.report_stage import Stage, stage_of
from ert_deploy.adapters.clock import RealClock
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, Failed, LoginRequired, UsageError
from ert_deploy.core.model.secret import Secret
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.following import until

Start = Callable[[dict[str, str]], Dashboard]
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)


@contextmanager
def served(dashboard: Dashboard) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, dashboard.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url(dashboard: Dashboard) -> Iterator[str]:
    with served(dashboard) as url:
        yield url


@pytest.fixture
def locked(environ: dict[str, str], start: Start) -> Iterator[str]:
    with served(start({**environ, "ERT_DASHBOARD_PASSWORD_HASH": HASH})) as url:
        yield url


def test_a_report_is_told_in_sentences_and_can_be_followed_again(url: str) -> None:
    stages: list[Stage] = []
    app = ErtApp(url, RealClock())
    made = app.report("AAPL", 20, stages.append)
    assert made.ticker == "AAPL"
    assert len(made.sections) == 5
    assert stages[-1] == Stage("Done", "The report is complete.")
    assert all(str(stage).endswith(".") for stage in stages)
    assert app.follow(made.report_id, 20, stages.append).sections == made.sections
    (listed,) = app.latest(5)
    assert (listed.report_id, listed.ticker, listed.status) == (made.report_id, "AAPL", "completed")
    assert app.latest(0) == ()


def test_a_report_that_waits_for_the_machine_says_so(url: str, backend: FakeBackend) -> None:
    backend.loading = {"phase": "pulling", "completed": 43, "total": 100}
    app = ErtApp(url, RealClock())
    report_id = app.start("AAPL")
    stages: list[Stage] = []

    def say(stage: Stage) -> None:
        stages.append(stage)
        if stage.title.startswith("Backend"):
            backend.loading = None

    assert app.follow(report_id, 60, say).report_id == report_id
    assert any(stage.title == "Backend booting" for stage in stages), stages


def test_a_report_that_fails_or_is_late_or_unknown_is_an_error(url: str, backend: FakeBackend) -> None:
    app = ErtApp(url, RealClock())
    backend.held = True
    report_id = app.start("AAPL")
    with pytest.raises(Failed, match="is not complete after 1 s") as late:
        app.follow(report_id, 1, lambda _: None)
    assert f"--follow {report_id}" in late.value.hint
    with pytest.raises(UsageError, match="no such report"):
        app.follow("nothing", 1, lambda _: None)
    with pytest.raises(UsageError, match="cannot be the id"):
        app.follow("../x", 1, lambda _: None)
    until(lambda: backend.reports)
    backend.reports[report_id].write(5)
    backend.reports[report_id].finish()
    assert app.follow(report_id, 20, lambda _: None).report_id == report_id


def test_a_login_is_made_when_the_app_wants_one_and_ended(locked: str) -> None:
    with pytest.raises(LoginRequired, match="requires a login"):
        ErtApp(locked, RealClock()).start("AAPL")
    with ErtApp(locked, RealClock(), password=Secret(PASSWORD)) as app:
        assert len(app.report("AAPL", 20, lambda _: None).sections) == 5
        session = app._cookie
        assert session.partition("=")[2] not in redaction.clean(f"cookie {session}")
    stranger = ErtApp(locked, RealClock())
    stranger._cookie = session
    with pytest.raises(Failed, match="401"):
        stranger.latest(1)


def test_a_wrong_password_is_not_repeated_and_too_many_are_told(locked: str) -> None:
    wrong = Secret("not the password 123")
    for _ in range(5):
        with pytest.raises(UsageError, match="does not take the password") as refused:
            ErtApp(locked, RealClock(), password=wrong).latest(1)
        assert wrong.reveal() not in f"{refused.value.summary}{refused.value.hint}"
    with pytest.raises(Failed, match=r"HTTP 429; it takes the next one in [0-9]+ s"):
        ErtApp(locked, RealClock(), password=wrong).latest(1)


def test_a_password_goes_to_no_plain_http_address(monkeypatch: pytest.MonkeyPatch, locked: str) -> None:
    app = ErtApp(locked, RealClock(), password=Secret(PASSWORD))
    monkeypatch.setattr("ert_deploy.adapters.app.dashboard_client.is_loopback", lambda _: False)
    with pytest.raises(UsageError, match="is not https"):
        app.latest(1)


def test_a_session_that_cannot_be_ended_is_no_error(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ErtApp(locked, RealClock(), password=Secret(PASSWORD)) as app:
        app.latest(1)
        app._url = "http://127.0.0.1:1"
    with pytest.raises(CannotObserve):
        app.latest(1)


@pytest.mark.parametrize(
    ("job", "machine", "title", "part"),
    [
        ({"status": "queued", "queue_position": 0}, {}, "In the queue", "Next in line."),
        ({"status": "queued", "queue_position": 1}, {}, "In the queue", "1 report is before this one."),
        ({"status": "queued", "queue_position": 3}, {}, "In the queue", "3 reports are before this one."),
        ({"status": "preparing_data", "current_section": "Waiting: the backend cannot be reached"}, {},
         "Backend asleep", "begins by itself"),
        ({"status": "preparing_data", "current_section": "Waiting: the GPU is being woken"}, {},
         "Waking the GPU", "The app's agent starts the machine."),
        ({"status": "preparing_data", "current_section": "Waiting: the GPU is not woken: no credit is left"}, {},
         "GPU not woken", "No credit is left. This report waits."),
        ({"status": "preparing_data", "current_section": "Waiting: the backend is downloading the model 43 %"},
         {"state": "waking"}, "Backend waking", "Downloading the model 43 %."),
        ({"status": "preparing_data", "current_section": "Waiting: the backend is not ready"}, {},
         "Backend booting", "responds and is not ready yet."),
        ({"status": "fetching_data", "current_section": ""}, {}, "Handing over", "figures"),
        ({"status": "generating_sections", "queue_position": 1}, {}, "Waiting for its turn", "It is next."),
        ({"status": "generating_sections", "queue_position": 4}, {}, "Waiting for its turn", "number 4 in line."),
        ({"status": "generating_sections", "sections_done": 5, "sections_total": 5}, {}, "Writing 5 of 5", "section"),
        ({"status": "generating_sections", "sections_done": 0, "sections_total": 5, "current_section": "Writing"}, {},
         "Writing 1 of 5", "The next section."),
        ({"status": "generating_sections", "sections_done": 0, "sections_total": 5,
          "current_section": "Writing (this backend reports no progress)"}, {},
         "Writing 1 of 5", "This backend reports no progress."),
        ({"status": "generating_sections", "current_section": "Reconnecting"}, {}, "Reconnecting", "was lost"),
        ({"status": "finalizing"}, {}, "Checking", "being fetched."),
        ({"status": "aborting"}, {}, "Stopping", "told to stop"),
        ({"status": "aborted"}, {}, "Stopped", "before it was complete."),
        ({"status": "failed", "error_message": "no engine"}, {}, "Failed", "no engine"),
        ({"status": "failed", "error_message": None}, {}, "Failed", "No reason was given."),
        ({"status": ["completed"], "current_section": None, "queue_position": True}, {}, "Handing over", "."),
    ],
)  # fmt: skip
def test_each_stage_is_a_sentence(job: Mapping[str, Any], machine: Mapping[str, Any], title: str, part: str) -> None:
    stage = stage_of(job, machine)
    assert stage.title == title
    assert part in stage.detail
