"""Config errors: collects all errors of a config, each with its location and the closest valid choice.

No value that may be a secret is printed: callers use `shown(text)` only for fields that contain none.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ert_deploy.core.model.errors import UsageError

SHOWN_CHARACTERS = 60
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One error. `path` is like `render/services/0/name`, empty for the whole file; `line` counts from 1."""

    path: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (f"line {self.line}" if self.line else "", self.path) if part)
        text = f"{place}: {self.what}" if place else self.what
        return f"{text} (hint: {self.hint})" if self.hint else text


class ConfigProblems(UsageError):
    """A config has errors. `problems` are in the order of their lines."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.path)))
        if len(self.problems) == 1:
            only = self.problems[0]
            super().__init__(f"{source}: {Problem(only.path, only.line, only.what)}", hint=only.hint)
        else:
            rest = len(self.problems) - MOST_SHOWN
            lines = [*map(str, self.problems[:MOST_SHOWN]), *([f"and {rest} more"] if rest > 0 else [])]
            super().__init__(f"{source}: {len(self.problems)} problems", "\n".join(lines))


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return `did you mean X?` with the choice most similar to `word`, or an empty string."""
    lowered = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word[:SHOWN_CHARACTERS].lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[found[0]]}?" if found else ""


def shown(text: str) -> str:
    """Quote `text` for a message: ASCII only, control characters escaped, shortened if it is long."""
    short = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return ascii(short)


def joined(path: str, name: str) -> str:
    """Return the path of a key inside another; a name that is not printable ASCII text, or is too long, is quoted."""
    name = name if name and name.isprintable() and name.isascii() and len(name) <= SHOWN_CHARACTERS else shown(name)
    return f"{path}/{name}" if path else name
