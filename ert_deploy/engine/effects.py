"""Effects that the engine can request: calls of port methods, which are executed by an interpreter.

`run` executes them on the ports, a simulator in memory. The process can die at every `yield`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from ert_deploy.core.model.quick_dataclass import quick_dataclass

P = ParamSpec("P")
T = TypeVar("T")
Method: TypeAlias = Callable[..., Any]  # of a port, as declared in its protocol: `GpuHost.create`


@quick_dataclass
class Effect:
    """One call of a port method with its arguments; the value of the `yield` is its result."""

    method: Method
    args: tuple[Any, ...]
    named: Mapping[str, Any]

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.named.items())]
        return f"{self.method.__qualname__}({', '.join(given)})"


Effects: TypeAlias = Generator[Effect, Any, T]


def ask(method: Callable[Concatenate[Any, P], T], /, *args: P.args, **named: P.kwargs) -> Effects[T]:
    """Yield the call of a port method and return its result: `created = yield from ask(GpuHost.create, order)`."""
    result: T = yield (Effect(method, args, named) if args or named else _plain(method))
    return result


@cache
def _plain(method: Method) -> Effect:
    """Return the call without arguments: the same one each time, as an effect is never changed."""
    return Effect(method, (), {})
