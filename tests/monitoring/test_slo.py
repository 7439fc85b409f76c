"""`slo` on a real Prometheus with 30 days of data, and on servers that return something else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ert_deploy.app.objectives.slo import slo
from ert_deploy.cli import main
from ert_deploy.core.model.errors import CannotObserve, UsageError
from ert_deploy.core.objectives.objective import Name, Verdict
from tests.support.doubles import prometheus
from tests.support.doubles.prometheus import Series
from tests.support.doubles.scripted_http import Answer, scripted

pytestmark = pytest.mark.process
HOURS = 30 * 24
HOUR = 3600.0


def of_job(
    job: str, *, down: int = 0, bad: float = 0.0, failed: float = 0.0, slow: float = 0.0, hours: int = HOURS
) -> Iterator[Series]:
    """Yield 30 days of a dashboard: 60 checks and 10 reports an hour, of which these shares are bad, failed and slow.

    The app does not respond in the first `down` hours; nothing is known before the last `hours`.
    """
    now = time.time()
    times = [now - (HOURS - hour) * HOUR for hour in range(HOURS - hours, HOURS + 1)]

    def counted(name: str, labels: str, each: float) -> Series:
        return Series(f'{name}{{job="{job}",instance="app"{labels}}}', [(at, n * each) for n, at in enumerate(times)])

    yield Series(f'up{{job="{job}",instance="app"}}', [(at, float(n >= down)) for n, at in enumerate(times)])
    checks, reports, seconds = (
        "ert_backend_health_checks_total",
        "ert_reports_finished_total",
        "ert_report_duration_seconds",
    )
    yield counted(checks, ',result="ok"', 60 * (1 - bad))
    yield counted(checks, ',result="failed"', 60 * bad)
    yield counted(checks, ',result="asleep"', 500.0)
    yield counted(reports, ',status="completed"', 10 * (1 - failed))
    yield counted(reports, ',status="failed"', 10 * failed)
    yield counted(reports, ',status="aborted"', 90.0)
    for bound, share in (("60.0", 0.5 * (1 - slow)), ("120.0", 1 - slow), ("+Inf", 1.0)):
        yield counted(f"{seconds}_bucket", f',le="{bound}"', 10 * share)
    yield counted(f"{seconds}_count", "", 10.0)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the server; each job is a deployment of its own."""
    if prometheus.PROGRAM is None or prometheus.TOOL is None:
        pytest.skip("prometheus is not installed (Debian's package prometheus)")
    series = [
        *of_job("ert", down=3, bad=0.005, failed=0.04, slow=0.02),
        *of_job("poor", down=10, bad=0.011, failed=0.06, slow=0.06),
        *of_job("young", hours=10 * 24),
        Series('up{job="idle",instance="app"}', [(time.time() - hour * HOUR, 1.0) for hour in range(HOURS, -1, -1)]),
    ]
    with prometheus.running(tmp_path_factory.mktemp("prometheus"), series) as found:
        yield found


def test_all_criteria_are_met_by_a_good_month(url: str) -> None:
    found = slo(url)
    shares = {one.objective.name: one.measured.share for one in found.results}
    assert found.verdict is Verdict.MET
    assert found.covered == pytest.approx(1.0, abs=0.01)
    assert shares == {
        Name.UPTIME: pytest.approx(1 - 3 / 720, abs=0.002),
        Name.HEALTH: pytest.approx(0.995, abs=0.0005),
        Name.REPORTS: pytest.approx(0.96, abs=0.0005),
        Name.TIME: pytest.approx(0.98, abs=0.0005),
    }
    assert found.results[2].measured.events == pytest.approx(7200, rel=0.01)
    assert found.results[3].measured.median == pytest.approx(61.0, abs=5.0)


def test_each_criterion_is_missed_by_a_bad_month(url: str) -> None:
    assert [one.verdict for one in slo(url, job="poor").results] == [Verdict.MISSED] * 4


def test_what_is_not_known_is_not_met(url: str) -> None:
    young = slo(url, job="young")
    assert young.verdict is Verdict.UNKNOWN
    assert young.covered == pytest.approx(1 / 3, abs=0.01)
    assert slo(url, job="young", days=7).verdict is Verdict.MET
    idle = {one.objective.name: one.verdict for one in slo(url, job="idle").results}
    assert idle == {name: Verdict.MET if name is Name.UPTIME else Verdict.UNKNOWN for name in Name}
    assert slo(url, job="no-such-job").covered == 0.0


@pytest.mark.parametrize(("job", "code"), [("ert", 0), ("poor", 6), ("young", 5)])
def test_the_command_ends_with_the_verdict(url: str, job: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["slo", "--prometheus", url, "--job", job])
    assert ended.value.code == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith({0: "met", 6: "missed", 5: "unknown"}[code] + " over 30 days, by http://127.0.0.1")
    assert [line.split()[1] for line in lines[1:]] == ["uptime", "health", "reports", "report"]
    with pytest.raises(SystemExit):
        main(["slo", "--prometheus", url, "--job", job, "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], len(document["objectives"])) == (code, 4)


def vector(*rows: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "vector", "result": list(rows)}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, b"<html>"), "rejected a query"),
        (Answer(200, {"status": "success", "data": {"resultType": "matrix", "result": []}}), "rejected a query"),
        (Answer(400, {"status": "error", "error": "bad \x1b[2J query"}), "rejected a query (HTTP 400): bad query"),
        (Answer(200, vector({"value": [1, "many"]})), "something else than a number"),
        (Answer(200, vector({"value": [1, "1"]}, {"value": [1, "1"]})), "something else than a number"),
        (Answer(200, vector("x")), "something else than a number"),
        (Answer(302, {}, {"Location": "http://127.0.0.1:9/"}), "HTTP 302"),
    ],
)
def test_a_response_that_is_not_understood_is_no_figure(answer: Answer, said: str) -> None:
    with scripted({"*": answer}) as server, pytest.raises(CannotObserve) as raised:
        slo(server.url)
    assert said in raised.value.summary


def test_not_a_number_is_not_known() -> None:
    with scripted({"*": Answer(200, vector({"value": [1, "NaN"]}))}) as server:
        assert slo(server.url).verdict is Verdict.UNKNOWN


def test_a_token_is_sent_where_nobody_else_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERT_PROMETHEUS_TOKEN", "prometheus-token-1")
    with scripted({"*": Answer(200, vector())}) as server:
        slo(f"{server.url}/")
    assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer prometheus-token-1"}
    with pytest.raises(UsageError, match="plain http"):
        slo("http://prometheus.example.org:9090")


@pytest.mark.parametrize(
    "address",
    ["", "prometheus", "ftp://x", "http://", "http://[::1", "http://x:y", "http://x/?q=1", "http://me:word@x"],
)
def test_what_is_no_address_is_not_asked_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as raised:
        slo(address)
    assert "word" not in raised.value.summary
    with pytest.raises(UsageError, match="job"):
        slo("http://127.0.0.1:9", job='x"}')
