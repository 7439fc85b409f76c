"""The shipped config and rules in Debian's Prometheus: it scrapes a dashboard, and evaluates every alert."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import create_dashboard
from tests.monitoring.test_alerts import CONFIG, RULES, alerts
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete
from tests.support.dashboard.following import until
from tests.support.doubles import prometheus

pytestmark = pytest.mark.process
TOKEN = "metrics-token-0123456789"


def test_prometheus_scrapes_a_dashboard_and_evaluates_every_alert(tmp_path: Path) -> None:
    if prometheus.PROGRAM is None:
        pytest.skip("prometheus is not installed (Debian's package prometheus)")
    backend = FakeBackend()
    dashboard = create_dashboard(read_settings({**complete(backend, tmp_path), "ERT_METRICS_TOKEN": TOKEN}))
    server = make_server("127.0.0.1", 0, dashboard.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        with prometheus.configured(shipped(tmp_path, f"127.0.0.1:{server.server_port}"), tmp_path / "store") as url:

            def asked(path: str) -> Any:
                return requests.get(f"{url}/api/v1/{path}", timeout=5).json()["data"]

            until(lambda: value(asked("query?query=ert_backend_health_checks_total{result='ok'}")) >= 1, 20)
            assert value(asked("query?query=up{job='ert'}")) == 1
            until(lambda: states(asked("rules")) == dict.fromkeys(alerts(), ("inactive", "ok")), 20)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        dashboard.close()
        backend.close()


def shipped(folder: Path, target: str) -> Path:
    """Return a copy of the config for a dashboard on loopback, with short intervals, beside the rules and the token."""
    text = CONFIG.read_text().replace("YOUR-APP.onrender.com", target).replace("scheme: https", "scheme: http")
    changed = text.replace("interval: 60s", "interval: 1s").replace("timeout: 20s", "timeout: 1s")
    assert changed.count("1s") == 3
    shutil.copy(RULES, folder)
    (folder / "metrics.token").write_text(f"{TOKEN}\n")
    path = folder / CONFIG.name
    path.write_text(changed)
    return path


def states(data: Any) -> dict[str, tuple[str, str]]:
    """Return state and health of each rule."""
    return {rule["name"]: (rule["state"], rule["health"]) for rule in data["groups"][0]["rules"]}


def value(data: Any) -> float:
    """Return the value of a query with one result; 0 without any."""
    return float(data["result"][0]["value"][1]) if data["result"] else 0.0
