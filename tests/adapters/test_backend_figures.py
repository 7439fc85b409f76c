"""Figures of a backend: its keyed routes over pinned TLS, and values of the wrong type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ert_deploy.adapters.backend.figures import figures_of, reports
from ert_deploy.core.model.errors import NeedsAttention, Transient
from ert_deploy.core.model.machine.figures import Card, Figures, LastReport
from ert_deploy.core.model.observed import Address
from tests.support.backend.served import KEY, backend, sent_to, trusting
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_http import Answer

STATUS: Mapping[str, Any] = {
    "queue": {"depth": 1, "active": 1, "limit": 8},
    "idle_seconds": 2.0, "clock_speed": 60.0, "idle_stop_seconds": 1200.0,
    "claimed": True, "draining": False, "engine_restarts": 1, "model_size": 1000, "model_size_vram": 900,
    "gpu": [{"name": "RTX 4090", "memory_total_mb": 24576.0, "memory_used_mb": 13000.0, "utilization_percent": None}],
    "last_report": {"status": "failed", "error": "the engine produced no text", "seconds_ago": 3.0},
}  # fmt: skip
NAME = "gen_ai_server_request_duration_seconds"
METRICS = f"""\
# TYPE {NAME} histogram
{NAME}_bucket{{error_type="",le="1.0"}} 2.0
{NAME}_count{{error_type="",gen_ai_request_model="toy"}} 2.0
{NAME}_count{{error_type="EngineError",gen_ai_request_model="toy"}} 3.0
{NAME}_count{{error_type="CancelledError",gen_ai_request_model="toy"}} 7.0
"""


def test_all_figures_by_a_key_that_is_accepted() -> None:
    own = pair()
    with backend(own, status=Answer(200, STATUS), metrics=Answer(200, METRICS.encode())) as script:
        found = trusting(script.port, own.pem).figures(Address("127.0.0.1", script.port), own.pem, KEY)
        assert script.asked() == ["/status", "/metrics"]
    assert found == Figures(
        idle=120.0, idle_stop=1200.0, claimed=True, draining=False, restarts=1, model_bytes=1000, gpu_bytes=900,
        cards=(Card("RTX 4090", 24576.0, 13000.0, None),), waiting=1, active=1, written=2, failed=3,
        last=LastReport(False, "the engine produced no text", 180.0),
    )  # fmt: skip


def test_a_backend_without_metrics_has_no_counts() -> None:
    own = pair()
    for answer in (Answer(404, {}), Answer(200, "x" * 70_000)):
        with backend(own, status=Answer(200, STATUS), metrics=answer) as script:
            found = trusting(script.port, own.pem).figures(Address("127.0.0.1", script.port), own.pem, KEY)
        assert (found.written, found.failed, found.restarts) == (None, None, 1)


@pytest.mark.parametrize(("status", "why"), [(401, "it rejects the key"), (500, "/status answered 500")])
def test_a_backend_that_refuses_has_no_figures(status: int, why: str) -> None:
    own = pair()
    with (
        backend(own, status=Answer(status, {})) as script,
        pytest.raises(Transient, match=why),
    ):
        trusting(script.port, own.pem).figures(Address("127.0.0.1", script.port), own.pem, KEY)


def test_no_key_is_sent_to_a_server_that_was_not_proven() -> None:
    own = pair()
    with backend(own) as script:
        probe = trusting(script.port, "another certificate")
        with pytest.raises(NeedsAttention):
            probe.figures(Address("127.0.0.1", script.port), own.pem, KEY)
        assert "Authorization" not in sent_to(script)


@pytest.mark.parametrize("value", [None, "7", True, -1, float("nan"), float("inf"), 1e300, [], {}])
def test_a_number_of_another_form_is_not_known(value: object) -> None:
    names = ("idle_seconds", "idle_stop_seconds", "engine_restarts", "model_size", "model_size_vram")
    found = figures_of({name: value for name in names} | {"queue": {"depth": value}, "clock_speed": value}, None)
    assert found == Figures()


@pytest.mark.parametrize(
    "value",
    [None, 7, "failed", [], {"status": "failed"}, {"status": "running", "seconds_ago": 1.0}, {"seconds_ago": 1}],
)
def test_a_last_report_of_another_form_is_not_known(value: object) -> None:
    assert figures_of({"last_report": value, "queue": value, "gpu": None, "claimed": 1}, "") == Figures(
        written=0, failed=0
    )


def test_a_report_without_an_error_was_written_and_cards_may_say_nothing() -> None:
    row = {"status": "done", "error": None, "seconds_ago": 1.5}
    found = figures_of({"last_report": row, "gpu": [None, {}, *({"name": "x" * 99},) * 40]}, None)
    assert found.last == LastReport(True, "", 1.5)
    assert found.cards is not None
    assert len(found.cards) <= 16
    assert found.cards[0] == Card("")
    assert len(found.cards[1].name) <= 60


def test_the_counts_of_reports() -> None:
    assert reports(METRICS) == (2, 3)
    assert reports("") == (0, 0)
