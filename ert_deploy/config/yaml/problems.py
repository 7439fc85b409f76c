"""What is wrong with a config, all of it at once, each with the place and the nearest thing that would be right.

Nothing here may print a value that could be a secret: callers pass `shown(text)` only for fields that hold none.
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
    """One thing to change. `path` like `render/services/0/name`, empty for the file as a whole; `line` from 1."""

    path: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (f"line {self.line}" if self.line else "", self.path) if part)
        text = f"{place}: {self.what}" if place else self.what
        return f"{text} (hint: {self.hint})" if self.hint else text


class ConfigProblems(UsageError):
    """A config that cannot be used. `problems` are in the order of the file's lines."""

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
    """`did you mean X?` for the choice most like `word`, or an empty string."""
    lowered = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word[:SHOWN_CHARACTERS].lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[found[0]]}?" if found else ""


def shown(text: str) -> str:
    """`text` quoted for a message: ASCII only, control characters escaped, cut to a readable length."""
    short = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return ascii(short)


def joined(path: str, name: str) -> str:
    """The path of a key inside another; a name that is not plain text is quoted."""
    name = name if name and name.isprintable() and name.isascii() and len(name) <= SHOWN_CHARACTERS else shown(name)
    return f"{path}/{name}" if path else name
