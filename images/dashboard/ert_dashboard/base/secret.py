"""Text that must not be printed: the backend's API key.

A `Secret` shows as `***` wherever Python would format it; `reveal()` is the one way to its text.
"""

from __future__ import annotations


class Secret:
    """Wraps a string; equal by content, never shown."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that has to send it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")
