"""Metrics of the agent in Prometheus' text format: one gauge or counter for each fact of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ert_deploy.agent.body import body
from ert_deploy.agent.keeper import Keeper
from ert_deploy.core.verdict.waking import Phase

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Samples = Iterator[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its labels after `deployment`, and its samples for a deployment, none where nothing is known."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str
    samples: Callable[[Keeper], Samples]


def _phases(keeper: Keeper) -> Samples:
    now = body(keeper)["phase"]
    yield from (((phase.value,), float(phase.value == now)) for phase in Phase)


def _price(keeper: Keeper) -> Samples:
    seen = keeper.view.look
    if seen is not None and seen.price is not None and seen.running:
        yield (), seen.price


def _agreed(keeper: Keeper) -> Samples:
    seen = keeper.view.look
    if seen is not None and seen.agreed is not None and seen.running:
        yield (), seen.agreed


def _ends(keeper: Keeper) -> Samples:
    seen = keeper.view.look
    if seen is not None and seen.ends is not None:
        yield (), seen.ends


def _wakes(keeper: Keeper) -> Samples:
    seen = keeper.view.look
    if seen is not None:
        yield (), float(seen.begun)


def _runs(keeper: Keeper) -> Samples:
    yield from ((labels, float(count)) for labels, count in sorted(keeper.counts.runs.items()))


def _gateway_errors(keeper: Keeper) -> Samples:
    yield from (((code,), float(count)) for code, count in sorted(keeper.counts.gateway.errors.items()))


FAMILIES = (
    Family("ert_agent_phase", "gauge", ("phase",), "1 for the phase that the deployment is in", _phases),
    Family("ert_agent_price_usd_per_hour", "gauge", (), "Price of the machine while its GPU runs", _price),
    Family("ert_agent_agreed_price_usd_per_hour", "gauge", (), "Its price when it was rented, while it runs", _agreed),
    Family("ert_agent_contract_end_timestamp_seconds", "gauge", (), "End of the first contract, in Unix time", _ends),
    Family("ert_agent_wakes_last_hour", "gauge", (), "Starts in the last hour, by the history in the state", _wakes),
    Family(
        "ert_agent_look_age_seconds", "gauge", (), "Time since everything was read; infinite before",
        lambda keeper: iter((((), keeper.age),)),
    ),
    Family(
        "ert_agent_look_errors", "counter", (), "Looks at which a provider or the state could not be read",
        lambda keeper: iter((((), float(keeper.counts.failed_looks)),)),
    ),
    Family("ert_agent_runs", "counter", ("action", "end"), "Runs of wake and sleep: done, busy or failed", _runs),
    Family(
        "ert_agent_gateway_requests", "counter", (), "Requests to the gateway",
        lambda keeper: iter((((), float(keeper.counts.gateway.requests)),)),
    ),
    Family(
        "ert_agent_gateway_held", "gauge", (), "Requests that wait for the backend now",
        lambda keeper: iter((((), float(keeper.counts.gateway.held)),)),
    ),
    Family(
        "ert_agent_gateway_held_seconds", "counter", (), "Time for which requests have waited for the backend",
        lambda keeper: iter((((), keeper.counts.gateway.held_seconds),)),
    ),
    Family(
        "ert_agent_gateway_errors", "counter", ("code",), "Requests without a complete response, by code",
        _gateway_errors,
    ),
)  # fmt: skip


def exposition(keepers: Sequence[Keeper]) -> bytes:
    """Return all metrics as text, with those of the process."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(keepers))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """Collector of `prometheus_client`."""

    def __init__(self, keepers: Sequence[Keeper]) -> None:
        self._keepers = keepers

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for family in FAMILIES:
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            made = kind(family.name, family.text, labels=("deployment", *family.labels))
            for keeper in self._keepers:
                for labels, value in family.samples(keeper):
                    made.add_metric((keeper.name, *labels), value)
            yield made
