"""Prometheus metrics: counters and histograms without any of a client's input. Labels are from fixed lists only.

Names follow OpenTelemetry's semantic conventions where these exist (`http.server.*`, `gen_ai.*`), in the Prometheus
notation; all others start with `ert_`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 1800)
# Buckets as recommended by the conventions, limited to the range of one report.
REPORT_BUCKETS = (0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36, 1310.72)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
PER_TOKEN_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 1, 2.5)
HTTP = ("http_request_method", "http_route", "http_response_status_code")
GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
OPERATION = "chat"


class Metrics:
    """The instruments of one service, in a separate registry. `provider` is the engine's name."""

    def __init__(self, provider: str = "ollama") -> None:
        self.call = (OPERATION, provider)
        self.registry = CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}
        self.requests = Histogram(
            "http_server_request_duration_seconds", "Requests answered", HTTP, buckets=HTTP_BUCKETS, **made
        )
        self.active = Gauge("http_server_active_requests", "Requests in progress", **made)
        self.refused = Counter("ert_requests_refused", "Requests rejected before a route", ("reason",), **made)
        self.body_bytes = Counter("ert_request_body_bytes", "Body bytes read; a stranger's are never", **made)
        self.reports = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Reports written",
            (*GEN_AI, "error_type"),
            buckets=REPORT_BUCKETS,
            **made,
        )
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens one report took",
            (*GEN_AI, "gen_ai_token_type"),
            buckets=TOKEN_BUCKETS,
            **made,
        )
        self.per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time per token written",
            GEN_AI,
            buckets=PER_TOKEN_BUCKETS,
            **made,
        )

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Register a gauge that is read on each scrape."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one completed request; `route` is a template."""
        self.requests.labels(method if method in METHODS else "_OTHER", route, str(status)).observe(seconds)

    def report(self, model: str, seconds: float, error: str, metadata: Mapping[str, Any]) -> None:
        """Record one completed report; `error` is empty when it succeeded, with its metadata."""
        self.reports.labels(*self.call, model, error).observe(seconds)
        for kind, ours in (("input", "prompt"), ("output", "completion")):
            count = metadata.get("tokens", {}).get(ours)
            if count:
                self.tokens.labels(*self.call, model, kind).observe(count)
        rate = metadata.get("tokens_per_second")
        if rate:
            self.per_token.labels(*self.call, model).observe(1 / rate)

    def text(self) -> bytes:
        """Return the metrics in the Prometheus text format."""
        return generate_latest(self.registry)
