"""Text that must not be printed.

A `Secret` shows as `***` wherever Python would format it; the only way to its text is `reveal()`, which is easy to
find in a review.
"""

from __future__ import annotations

import hashlib


class Secret:
    """Wraps a string; equal by content, never shown."""

    __slots__ = ("_digest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = ""

    def reveal(self) -> str:
        """The text itself, for the one place that has to send it."""
        return self._text

    def sha256(self) -> str:
        """Hex digest of the UTF-8 bytes: what may be stored and compared."""
        if not self._digest:
            self._digest = hashlib.sha256(self._text.encode()).hexdigest()
        return self._digest

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


HIDDEN = Secret("\0")  # in place of a value that a web host does not show; no variable can hold a NUL
