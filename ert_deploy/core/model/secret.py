"""String type for secrets, which never appear in output.

Formatting a `Secret` yields `***`; the text is available only through `reveal()`, which is easy to find in a review.
"""

from __future__ import annotations

import hashlib


class Secret:
    """Wrapper of a string; equal by content, never formatted as text."""

    __slots__ = ("_digest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = ""

    def reveal(self) -> str:
        """Return the text itself, for the code that sends it."""
        return self._text

    def sha256(self) -> str:
        """Return the hex digest of the UTF-8 bytes, which may be stored."""
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
