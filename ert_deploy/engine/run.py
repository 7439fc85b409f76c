"""Interpreter: executes effects on the ports, without any decision logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.moment import Moment
from ert_deploy.engine.effects import Effects, Method
from ert_deploy.ports import (
    AppProbe,
    Audience,
    BackendProbe,
    Clock,
    Entropy,
    GpuHost,
    Registries,
    StateStore,
    TimeSource,
    WebHost,
)

T = TypeVar("T")
Interpreter: TypeAlias = dict[Method, Method]  # the bound method of an implementation for each method of a protocol


@dataclass(frozen=True, slots=True)
class Ports:
    """One implementation for each outside system."""

    gpu: GpuHost
    web: WebHost
    backend: BackendProbe
    app: AppProbe
    registries: Registries
    store: StateStore
    clock: Clock
    entropy: Entropy
    audience: Audience


@dataclass(frozen=True, slots=True)
class _Times:
    """Time source that combines the local clocks with the dates in the provider's responses."""

    clock: Clock
    gpu: GpuHost

    def moment(self) -> Moment:
        return Moment(self.clock.now(), self.clock.steady(), self.gpu.date())


def run(effects: Effects[T], ports: Ports) -> T:
    """Execute every `Effect` in turn; an error of a port is raised at its `yield`."""
    return carried_out(effects, interpreter(ports))


def carried_out(effects: Effects[T], carry_out: Interpreter) -> T:
    """Execute every `Effect` by these methods."""
    try:
        effect = next(effects)
        while True:
            try:
                value = carry_out[effect.method](*effect.args, **effect.named)
            except ErtError as error:
                effect = effects.throw(error)
            else:
                effect = effects.send(value)
    except StopIteration as done:
        result: T = done.value
        return result


def interpreter(p: Ports) -> Interpreter:
    """Return the implementation on these ports of every port method."""
    sides: dict[type[Any], Any] = {
        GpuHost: p.gpu, WebHost: p.web, BackendProbe: p.backend, AppProbe: p.app, StateStore: p.store,
        Registries: p.registries, Clock: p.clock, Entropy: p.entropy, Audience: p.audience,
        TimeSource: _Times(p.clock, p.gpu),
    }  # fmt: skip
    return {method: getattr(port, method.__name__) for side, port in sides.items() for method in methods(side)}


def methods(protocol: type[Any]) -> tuple[Method, ...]:
    """Return the methods that a port's protocol declares itself."""
    return tuple(value for name, value in vars(protocol).items() if callable(value) and not name.startswith("_"))
