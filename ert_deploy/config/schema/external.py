"""Section `external`: an OpenAI-compatible server that is used in place of a rented GPU, and its rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from ert_deploy.config.schema import locations, types
from ert_deploy.config.schema.parser import Bad, accepts, whole_text
from ert_deploy.config.schema.parts import Field, Section
from ert_deploy.config.schema.scalars import matching
from ert_deploy.config.yaml.problems import shown
from ert_deploy.config.yaml.tree import Scalar

EXTERNAL = "external"  # the value of providers/gpu, and the name of the section
KEY = "EXTERNAL_API_KEY"
NONE = "none"
PLAIN = "over plain http anybody on the way can read the key"
_VERSION = "/v1"
_ROUTE = re.compile(r"/v1/|/(chat/completions|completions|models|responses|embeddings)$")
_variable = types.key_variable(KEY)

model = matching(r"[\x21-\x7e]{1,200}", "the name of a model", "as the server's /v1/models has it")


@accepts(**whole_text(r"[Hh][Tt][Tt][Pp][Ss]://[\x21-\x7e]+"), maxLength=200)
def url(scalar: Scalar) -> str:
    """Parse the https URL of a server, with or without the `/v1` of its API at the end; return it without."""
    try:
        value = locations.provider_url(scalar)
    except Bad as bad:
        raise Bad(bad.what, PLAIN if "is not an https" in bad.what else bad.hint) from None
    if urlsplit(value).scheme != "https":
        raise Bad(f"{shown(value)} is not an https address", PLAIN)
    if _ROUTE.search(urlsplit(value).path):
        raise Bad(f"{shown(value)} is the address of a route", "only the part up to /v1")
    return value.removesuffix(_VERSION).rstrip("/")


@accepts(anyOf=[_variable.shape, {"const": NONE}])
def key(scalar: Scalar) -> str:
    """Parse the variable that holds the server's key; `none` is the empty name."""
    return "" if scalar.text == NONE else _variable(scalar)


SECTION = Section(
    EXTERNAL,
    (
        Field("url", url, None),
        Field("model", model, None),
        Field("key", key, KEY),
        Field("ca", locations.path, None),
    ),
)

Violation = tuple[str, str] | None


def needed(example: str) -> Callable[[str | None, str], Violation]:
    """Return the rule that a key has a value where the server is used."""

    def check(value: str | None, gpu: str) -> Violation:
        return ("it is missing", f"such as {example}") if value is None and gpu == EXTERNAL else None

    return check


def reachable(value: str | None, gpu: str, sandbox: bool) -> Violation:
    """Rule: the app reaches the server. In a sandbox both are on this machine, otherwise neither is."""
    if value is None or gpu != EXTERNAL or locations.is_loopback(urlsplit(value).hostname or "") == sandbox:
        return None
    if sandbox:
        return "a sandbox reaches this machine only", "an address on 127.0.0.1, or no sandbox section"
    return "the app, which runs elsewhere, cannot reach this machine", "an address on the internet"
