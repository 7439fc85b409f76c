"""External server: an OpenAI-compatible server that is not rented here, and what is wrong if it is not usable."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ert_deploy.core.model.secret import Secret

NO_KEY = Secret("none")  # for a server without keys: OpenAI's clients do not start without any


@dataclass(frozen=True, slots=True)
class External:
    """A server: the `url` before `/v1`, the `model` to ask for, and the name of the variable with its key.

    `key` is None while it is not known here, `certificate` a PEM to trust in place of the system's, or empty.
    `holder` is the app whose own key this is, empty for that in the variable; `another`: the variable has another one.
    """

    url: str
    model: str
    variable: str = ""
    key: Secret | None = field(default=None, repr=False)
    certificate: str = field(default="", repr=False)
    holder: str = ""
    another: bool = False


class Part(StrEnum):
    """What of a server was checked, in this order: each needs the ones before it."""

    ADDRESS = "address"
    CERTIFICATE = "certificate"
    API = "API"
    KEY = "key"
    MODEL = "model"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Trouble:
    """The first part of a server that failed its check: what was seen, and what ends it."""

    part: Part
    what: str
    hint: str
