"""Effects: the calls of port methods that the engine yields, and what each interpreter must have for them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from ert_deploy import engine, ports
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.effects import Effect, Method, ask
from ert_deploy.engine.run import interpreter
from ert_deploy.ports import (
    AppProbe,
    Audience,
    BackendProbe,
    Clock,
    CreateOrder,
    Entropy,
    GpuHost,
    Registries,
    TimeSource,
    WebHost,
)
from tests.simulation.faults import STRIKES
from tests.simulation.interpreter import HANDS
from tests.support.fakes.history import WANTED, Process, start
from tests.support.fakes.loopback import world
from tests.support.fakes.rotation import rotating

# Only `status` makes these, and no history plays it.
OF_A_LOOK = {BackendProbe.figures, GpuHost.logs, WebHost.instances, AppProbe.fingerprints}
# The simulator executes these itself, without a fault.
PLAIN = {Audience.tell, Clock.sleep, Entropy.token_bytes, TimeSource.moment, GpuHost.await_turn} | {
    Registries.image,
    Registries.model,
}


def asked() -> set[Method]:
    """The port methods in the engine's code: the first argument of every `ask`."""
    found: set[Method] = set()
    for path in Path(engine.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ask":
                method = node.args[0]
                assert isinstance(method, ast.Attribute), ast.unparse(node)
                found.add(getattr(getattr(ports, ast.unparse(method.value)), method.attr))
    return found


def test_every_interpreter_can_execute_each_call_of_the_engine() -> None:
    found = asked()
    assert GpuHost.create in found
    assert found <= set(interpreter(world().ports))
    assert found == set(HANDS) | PLAIN | OF_A_LOOK, "the simulator"
    assert set(STRIKES) == set(HANDS), "the faults of each call"


def test_the_interpreter_has_for_each_port_method_the_one_of_the_same_name() -> None:
    made = world()
    table = interpreter(made.ports)
    assert table[GpuHost.create] == made.ports.gpu.create
    assert table[Clock.sleep] == made.ports.clock.sleep
    assert [m.__qualname__ for m, bound in table.items() if bound.__name__ != m.__name__] == []


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, types and defaults of the parameters after the first one, and the type of the result."""
    types = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [*((p.name, types[p.name], p.default) for p in parameters), ("", types["return"], None)]


@pytest.mark.parametrize("method", HANDS, ids=lambda method: method.__qualname__)
def test_the_simulator_takes_and_returns_what_the_port_does(method: Method) -> None:
    assert shape(HANDS[method]) == shape(method)


def test_effects_of_the_same_call_are_equal_and_show_it() -> None:
    search = next(ask(GpuHost.search, WANTED.criteria, WANTED.launch, wide=True))
    assert search == next(ask(GpuHost.search, WANTED.criteria, WANTED.launch, wide=True))
    assert search != next(ask(GpuHost.search, WANTED.criteria, WANTED.launch))
    assert search != Effect(GpuHost.create, search.args, search.named)
    assert repr(search) == f"GpuHost.search({WANTED.criteria!r}, {WANTED.launch!r}, wide=True)"


def test_an_effect_shows_no_secret() -> None:
    secret = "b" * 64
    order = CreateOrder("1", WANTED.launch, Mark("ert", "c" * 32), WANTED.container_env("c" * 32, "d" * 64, secret))
    for effect in (
        next(ask(GpuHost.create, order)),
        next(ask(WebHost.put_env, "srv-1", "KEY", value=Secret(secret))),
        Effect(BackendProbe.keys_in_force, (), {"boot_secret": Secret(secret)}),
    ):
        assert secret not in repr(effect)
        assert repr(effect).startswith(effect.method.__qualname__)


def test_no_effect_of_a_run_shows_a_key_or_a_boot_secret() -> None:
    made, shown = world(), list[str]()
    process: Process[Any]
    for begin in (start, rotating):
        process = begin(made)
        while not process.ended:
            shown.append(repr(process.effect))
            process.step()
        assert process.error is None
    (instance,) = made.gpu.instances.values()
    key = made.web.services["dash"].env[WANTED.targets[0].names.key].reveal()
    secrets = (instance.order.env["ERT_BOOT_SECRET"], key)
    assert [text for text in shown if any(secret in text for secret in secrets)] == []
    assert any(text.startswith("BackendProbe.set_keys(") for text in shown)
