"""`ert-deploy logs` by source: parsing, merging, following, filters, and sources that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import up
from ert_deploy.app.running import logs as app
from ert_deploy.app.running.container_log import logs
from ert_deploy.app.running.log_checks import is_check
from ert_deploy.app.running.log_lines import Line, Source, container_lines, unseen
from ert_deploy.app.running.logs import Wanted, log_lines
from ert_deploy.cli import main
from ert_deploy.config import SandboxSettings
from ert_deploy.core.model.errors import CannotObserve, UsageError
from ert_deploy.ports import LogLine
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.ids import nth

NOON = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
BACKEND = json.dumps(
    {
        "time": "2023-11-14T22:13:20.000+00:00",
        "level": "info",
        "logger": "ert_backend",
        "message": "ready",
        "port": 8443,
    }
)
TEXT = "\n".join([
    "guard: backend started, pid 7",
    BACKEND,
    BACKEND.replace("info", "warning").replace(":20.000", ":22.000"),
    "guard: engine started, pid 8",
    "time=2023-11-14T22:13:25.5Z level=INFO source=routes.go msg=listening",
    "[GIN] no time in a form that is read",
    "{not json",
    '{"no": "message"}',
    '{"message": "no time", "time": "yesterday"}',
    '{"message": "no zone", "time": "2023-11-14T22:13:20"}',
])  # fmt: skip


def test_each_line_has_its_source_and_its_time() -> None:
    lines = container_lines(TEXT)
    assert [line.at for line in container_lines("guard: a\nb")] == [0.0, 0.0]
    assert [(line.source.value, line.at - NOON) for line in lines] == [
        ("guard", 0.0), ("backend", 0.0), ("backend", 2.0), ("guard", 2.0), ("engine", 5.5), ("engine", 5.5),
        ("engine", 5.5), ("engine", 5.5), ("backend", 5.5), ("backend", 5.5),
    ]  # fmt: skip
    assert lines[0].text == "backend started, pid 7"
    assert lines[1].text == "ready port=8443"
    assert lines[2].text == "warning: ready port=8443"


def test_a_guard_dates_a_line_that_comes_long_after_the_last_one() -> None:
    said = ["guard: at 2023-11-14T23:13:20.000+00:00", "guard: idle for 1200 s: asked to stop this instance: accepted"]
    lines = container_lines(
        "\n".join([BACKEND, "guard: backend started, pid 7", *said, "guard: at noon, more or less"])
    )
    assert [(line.source.value, line.at - NOON) for line in lines] == [
        ("backend", 0.0), ("guard", 0.0), ("guard", 3600.0), ("guard", 3600.0)
    ]  # fmt: skip
    assert lines[2].text.startswith("idle for 1200 s")
    assert lines[3].text == "at noon, more or less"


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [("", "ab", "ab"), ("abc", "abc", ""), ("abc", "bcd", "d"), ("aab", "aabaab", "aab"), ("abc", "xyz", "xyz"),
     ("aaa", "aaaa", "a"), ("abc", "", "")],
)  # fmt: skip
def test_a_second_read_is_compared_with_the_first(before: str, now: str, new: str) -> None:
    def lines(text: str) -> list[Line]:
        return [Line(float(n), Source.ENGINE, letter) for n, letter in enumerate(text)]

    assert "".join(line.text for line in unseen(lines(before), lines(now))) == new


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """A deployment that is up, whose container and app have written lines."""
    made = world()
    up(on_fakes(made))
    said = [LogLine(NOON + 1, "a report was requested"), LogLine(NOON + 30, "a report is done")]
    monkeypatch.setattr(made.gpu, "logs", lambda _number, _tail: TEXT)
    monkeypatch.setattr(made.web, "logs", lambda _service, tail: tuple(said[-tail:]))
    return made


@pytest.fixture
def deployment(made: FakeWorld) -> Deployment:
    return on_fakes(made)


def test_the_sources_are_merged_by_time(deployment: Deployment) -> None:
    lines = list(log_lines(deployment))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert [line.text for line in lines][1:4] == [
        "ready port=8443",
        "a report was requested",
        "warning: ready port=8443",
    ]
    assert {line.source for line in lines} == set(Source)


def test_filters_choose_lines(deployment: Deployment) -> None:
    only = list(log_lines(deployment, Wanted(frozenset({Source.APP, Source.GUARD}), grep="report|engine")))
    assert [line.source for line in only] == [Source.APP, Source.GUARD, Source.APP]
    assert list(log_lines(deployment, Wanted(since=60.0))) == []
    assert len(list(log_lines(deployment, Wanted(tail=2)))) == 2
    assert list(log_lines(deployment, Wanted(frozenset({Source.APP}))))[-1].text == "a report is done"
    with pytest.raises(UsageError, match="not a regular expression"):
        list(log_lines(deployment, Wanted(grep="(")))
    with pytest.raises(UsageError, match="is not one of ert"):
        list(log_lines(deployment, Wanted(frozenset({Source.GUARD}), instance=nth(99))))


def test_new_lines_follow_and_old_ones_are_not_repeated(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAUSE", 0.01)
    lines = log_lines(deployment, Wanted(frozenset({Source.ENGINE, Source.APP}), grep="report|new"), follow=True)
    assert [next(lines).text for _ in range(2)] == ["a report was requested", "a report is done"]
    monkeypatch.setattr(made.gpu, "logs", lambda *_: f"{TEXT}\na new line")
    assert next(lines).text == "a new line"


def test_a_source_that_cannot_be_read_is_noted_once(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise CannotObserve("Vast.ai does not respond")

    monkeypatch.setattr(app, "PAUSE", 0.01)
    monkeypatch.setattr(made.gpu, "logs", away)
    watcher = Watcher()
    lines = log_lines(deployment, follow=True, progress=watcher)
    assert [next(lines).text for _ in range(2)] == ["a report was requested", "a report is done"]
    monkeypatch.setattr(made.web, "logs", lambda *_: (LogLine(NOON + 40, "another"),))
    assert next(lines).text == "another"
    assert watcher.notes == ["the container's log: Vast.ai does not respond"]
    with pytest.raises(CannotObserve):
        list(log_lines(deployment, Wanted(frozenset({Source.ENGINE}))))


def test_without_the_web_host_s_key_the_rest_is_read(deployment: Deployment) -> None:
    def connector(*args: Any, web: bool, **named: Any) -> Any:
        if web:
            raise UsageError("RENDER_API_KEY is not set")
        return deployment.connector(*args, web=web, **named)

    watcher = Watcher()
    lines = list(log_lines(replace(deployment, connector=connector), progress=watcher))
    assert Source.APP not in {line.source for line in lines}
    assert watcher.notes == ["the app's log is left out: RENDER_API_KEY is not set"]


def test_times_of_a_sandbox_are_its_own_in_every_source_and_said_to_be(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, real, its_own = on_fakes(made), RealClock().now(), made.clock.now()
    settings = replace(plain.settings, sandbox=SandboxSettings())

    def connector(*args: Any, **named: Any) -> Any:
        return replace(plain.connector(*args, **named), settings=settings, speed=60.0)

    watcher = Watcher()
    written = BACKEND.replace("2023-11-14T22:13:20.000+00:00", datetime.fromtimestamp(real - 10, UTC).isoformat())
    monkeypatch.setattr(made.gpu, "logs", lambda *_: written)
    monkeypatch.setattr(made.web, "logs", lambda *_: (LogLine(its_own - 300, "from the app"),))
    lines = list(
        log_lines(replace(plain, settings=settings, connector=connector), Wanted(since=900.0), progress=watcher)
    )
    assert [line.text for line in lines] == ["ready port=8443", "from the app"]
    assert [line.at for line in lines] == pytest.approx([its_own - 600, its_own - 300], abs=60.0)
    assert watcher.notes == ["sandbox: the times in front are its own, those within a text are this machine's"]


def test_lines_of_a_sandbox_keep_their_order(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock goes on between two lines with the same time."""
    plain = on_fakes(made)
    settings = replace(plain.settings, sandbox=SandboxSettings())

    def connector(*args: Any, **named: Any) -> Any:
        return replace(plain.connector(*args, **named), settings=settings, speed=1000.0)

    begun = datetime.fromtimestamp(RealClock().now() - 10, UTC).isoformat()
    written = [f"time={begun} level=INFO msg=listening", *(f"guard: {n}" for n in range(500))]
    monkeypatch.setattr(made.gpu, "logs", lambda *_: "\n".join(written))
    there = replace(plain, settings=settings, connector=connector)
    lines = list(log_lines(there, Wanted(frozenset({Source.GUARD}), tail=500)))
    assert [line.text for line in lines] == [str(n) for n in range(500)]
    assert len({line.at for line in lines}) == 1


@pytest.fixture
def run(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr("ert_deploy.app.running.logs.opened", lambda _: deployment)

    def call(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["logs", *words])
        return int(ended.value.code or 0)

    return call


def test_a_line_has_time_source_and_text(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--source", "app") == 0
    assert capsys.readouterr().out.splitlines()[0] == "11-14 22:13:21  app      a report was requested"
    assert run("--source", "guard", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lines"][0] == {
        "at": NOON, "source": "guard", "text": "backend started, pid 7",
    }  # fmt: skip


def test_following_ends_with_ctrl_c(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped(RealClock):
        def sleep(self, _seconds: float) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(app, "RealClock", Stopped)
    assert run("-f", "--json", "--source", "app") == 0
    said = capsys.readouterr()
    assert [json.loads(line)["text"] for line in said.out.splitlines()][-1] == "a report is done"
    assert said.err == ""


ACCESS = json.dumps({"time": "2023-11-14T22:13:27+00:00", "level": "info", "message": "request", "method": "GET"})
CHECK = ACCESS.replace('"GET"', '"GET", "route": "/v1/models", "status": 200, "who": "57fe776c"')
WRITTEN = ACCESS.replace('"GET"', '"POST", "route": "/reports", "status": 202, "who": "57fe776c"')


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("request method=GET route=/v1/models status=200 who=57fe776c seconds=0.0014", True),
        ("request method=GET route=/status status=401 who=57fe776c seconds=0.0014", False),
        ("request method=POST route=/reports status=202 who=57fe776c seconds=0.1", False),
        ("request method=GET route=/reports/{id} status=200 who=57fe776c seconds=0.1", False),
        ('[GIN] 2026/11/29 - 17:10:16 | 200 |  35.2\u00b5s |  127.0.0.1 | GET      "/api/ps"', True),
        ('[GIN] 2026/11/29 - 17:10:16 | 200 |  35.2\u00b5s |  127.0.0.1 | HEAD     "/"', True),
        ('[GIN] 2026/11/29 - 17:10:16 | 500 |  35.2\u00b5s |  127.0.0.1 | GET      "/api/ps"', False),
        ('[GIN] 2026/11/29 - 17:10:16 | 200 |  1m20s |  127.0.0.1 | POST     "/api/chat"', False),
        ("srv  log_server_r: request: GET /health 127.0.0.1 200", True),
        ('INFO:     127.0.0.1:51334 - "GET /v1/models HTTP/1.1" 200 OK', True),
        ('10.0.0.1 - - [29/Nov/2026:17:10:16 +0000] "GET /health HTTP/1.1" 200 412 "-" "Render/1.0"', True),
        ('10.0.0.1 - - [29/Nov/2026:17:10:16 +0000] "GET /health HTTP/1.1" 503 200 "-" "Render/1.0"', False),
        ('10.0.0.1 - - "GET /up?full=1 HTTP/1.1" 204 0', True),
        ('10.0.0.1 - - "GET /reports HTTP/1.1" 200 10', False),
        ("the health of GET requests is 200", False),
    ],
)
def test_a_health_check_is_recognised_in_each_format(text: str, is_one: bool) -> None:
    assert is_check(text, {"/up"}) is is_one


@pytest.mark.parametrize("option", ["--since", "--source"])
def test_health_checks_are_left_out_and_the_tail_counts_what_is_shown(
    option: str, run: Callable[..., int], made: FakeWorld, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    asked: list[int] = []
    many = "\n".join([BACKEND, WRITTEN, *[CHECK] * 500])

    def logs(_number: object, tail: int) -> str:
        asked.append(tail)
        return "\n".join(many.splitlines()[-tail:])

    monkeypatch.setattr(made.gpu, "logs", logs)
    monkeypatch.setattr(made.web, "logs", lambda *_: ())
    monkeypatch.setattr(RealClock, "now", lambda _: NOON + 60)
    words = (option, "2m" if option == "--since" else "backend")
    assert run(*words, "--tail", "2") == 0
    shown = [line.split("  ", 2)[2] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["ready port=8443", "request method=POST route=/reports status=202 who=57fe776c"]
    assert run(*words, "--tail", "3", "--checks") == 0
    assert [line.count("/v1/models") for line in capsys.readouterr().out.splitlines()] == [1, 1, 1]
    assert run(*words, "--grep", "models") == 0
    assert capsys.readouterr().err.strip() == "no line matches; 500 health checks do, see --checks"
    assert run(*words, "--grep", "nowhere") == 0
    assert capsys.readouterr().err.strip() == "no line matches"
    assert max(asked) <= 10_000


def test_the_plain_log_leaves_them_out_too(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "\n".join(["guard: backend started", WRITTEN, "no json", *[CHECK] * 300])
    monkeypatch.setattr(made.gpu, "logs", lambda _, tail: "\n".join(many.splitlines()[-tail:]))
    assert logs(deployment, tail=2).text.splitlines() == [WRITTEN, "no json"]
    assert logs(deployment, tail=2, checks=True).text.splitlines() == [CHECK, CHECK]


def test_new_health_checks_are_left_out_while_following(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAUSE", 0.01)
    lines = log_lines(deployment, Wanted(frozenset({Source.BACKEND, Source.ENGINE}), tail=1), follow=True)
    assert "no zone" in next(lines).text
    monkeypatch.setattr(made.gpu, "logs", lambda *_: f"{TEXT}\n{CHECK}\n{CHECK}\na new line")
    assert next(lines).text == "a new line"
