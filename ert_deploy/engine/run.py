"""Interpreter: executes effects on the ports, without any decision logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.moment import Moment
from ert_deploy.engine import effects as e
from ert_deploy.engine.app_proof import AskApp
from ert_deploy.engine.market.quote import Quote
from ert_deploy.ports import AppProbe, Audience, BackendProbe, Clock, Entropy, GpuHost, StateStore, WebHost

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ports:
    """One implementation for each outside system."""

    gpu: GpuHost
    web: WebHost
    backend: BackendProbe
    app: AppProbe
    store: StateStore
    clock: Clock
    entropy: Entropy
    audience: Audience


def run(effects: e.Effects[T], ports: Ports) -> T:
    """Execute every `Effect` in turn; an error of a port is raised at its `yield`."""
    carry_out = interpreter(ports)
    try:
        effect = next(effects)
        while True:
            try:
                value = carry_out[type(effect)](effect)
            except ErtError as error:
                effect = effects.throw(error)
            else:
                effect = effects.send(value)
    except StopIteration as done:
        result: T = done.value
        return result


def interpreter(p: Ports) -> dict[type[Any], Callable[[Any], Any]]:
    """Return the functions that execute each type of `Effect` on these ports."""
    return {
        e.Now: lambda _: Moment(p.clock.now(), p.clock.steady(), p.gpu.date()),
        e.Sleep: lambda x: p.clock.sleep(x.seconds),
        e.Tell: lambda x: p.audience.tell(x.event),
        e.Draw: lambda x: p.entropy.token_bytes(x.count),
        e.Load: lambda _: p.store.load(),
        e.Save: lambda x: p.store.save(x.state),
        e.ReadAccount: lambda _: p.gpu.account(),
        e.ListInstances: lambda _: p.gpu.list_instances(),
        e.GetInstance: lambda x: p.gpu.get_instance(x.instance_id),
        e.Search: lambda x: p.gpu.search(x.criteria, x.launch, wide=x.wide),
        Quote: lambda x: p.gpu.quote(x.offer, x.launch),
        e.AwaitTurn: lambda x: p.gpu.await_turn(x.turn),
        e.Create: lambda x: p.gpu.create(x.order),
        e.DestroyInstance: lambda x: p.gpu.destroy(x.instance_id),
        e.StartInstance: lambda x: p.gpu.start(x.instance_id),
        e.StopInstance: lambda x: p.gpu.stop(x.instance_id),
        e.Probe: lambda x: p.backend.probe(x.address, x.mark, x.boot_secret, x.pinned),
        e.Accepts: lambda x: p.backend.accepts(x.address, x.certificate, x.key),
        e.Busy: lambda x: p.backend.busy(x.address, x.certificate, x.key),
        e.KeysInForce: lambda x: p.backend.keys_in_force(x.address, x.certificate, x.boot_secret),
        e.SetKeys: lambda x: p.backend.set_keys(x.address, x.certificate, x.boot_secret, x.generation, x.hashes),
        e.FindService: lambda x: p.web.service(x.target),
        e.ReadGroups: lambda x: p.web.read_groups(x.service),
        e.ReadEnv: lambda x: p.web.read_env(x.service_id),
        e.PutEnv: lambda x: p.web.put_env(x.service_id, x.name, x.value),
        e.DeleteEnv: lambda x: p.web.delete_env(x.service_id, x.name),
        e.NewestDeploy: lambda x: p.web.newest_deploy(x.service_id),
        e.StartDeploy: lambda x: p.web.deploy(x.service_id),
        e.GetDeploy: lambda x: p.web.get_deploy(x.service_id, x.deploy_id),
        e.WhyFailed: lambda x: p.web.failure(x.service, x.deploy),
        e.AppFingerprint: lambda x: p.app.fingerprint(x.app_url, x.target),
        AskApp: lambda x: p.app.answer(x.app_url, x.target),
    }
