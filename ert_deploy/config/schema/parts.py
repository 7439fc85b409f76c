"""Parts of the config schema: a value, a range, a list of values, a list of mappings, and a section."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ert_deploy.config.schema.parser import Parser


class Default(Enum):
    """Marks a key without a default."""

    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Field:
    """One value. A default of `None` means "not set"."""

    name: str
    parse: Parser[Any]
    default: Any = Default.REQUIRED


@dataclass(frozen=True, slots=True)
class Range(Field):
    """A number, or a mapping with `max`, read like it, and `min`, whose value has a path of its own: 0 without one."""

    least: Parser[int] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Many:
    """A list of unique scalar values."""

    name: str
    parse: Parser[Any]
    default: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of mappings with at least one entry."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping. An `optional` one enables a feature by its presence.

    One with a `chosen_by` is read if the key of that path has its name as the value, and is otherwise an error. One
    with `spared` may be left out, with its required keys, if the key of that path has that value.
    """

    name: str
    parts: tuple[Part, ...]
    optional: bool = False
    chosen_by: str = ""
    spared: tuple[str, str] | None = None


Part = Field | Many | Rows | Section
