"""Parser: a function from a scalar to its value, with the JSON Schema of what it accepts.

Patterns are written so that Python and the JavaScript of editors read them alike: no named groups, no `\\d`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ert_deploy.config.yaml.tree import Scalar

T = TypeVar("T")
Shape = dict[str, Any]


class Bad(Exception):
    """A value is not valid. `what` describes the error."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """A function from a `Scalar` to its value that raises `Bad`, and a JSON Schema of whatever it may accept.

    The schema may accept more: what only the function can check. `unit` of a shape is for its description.
    """

    read: Callable[[Scalar], T]
    shape: Shape

    def __call__(self, scalar: Scalar) -> T:
        """Return the value. Raise `Bad`."""
        return self.read(scalar)


def accepts(**shape: Any) -> Callable[[Callable[[Scalar], T]], Parser[T]]:
    """Return a decorator that makes a function a `Parser` with that shape."""
    return lambda read: Parser(read, shape)


def whole_text(*patterns: str) -> Shape:
    """Return the shape of text that matches one of the patterns from its first to its last character."""
    # In Python, `$` is also before a newline at the end.
    return {"type": "string", "pattern": rf"^(?:{'|'.join(patterns)})$(?!\n)"}
