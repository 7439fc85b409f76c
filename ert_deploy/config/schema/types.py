"""External identifiers: images, model tags, countries, GPUs, names, commands.

Same interface as in `scalars`: each function converts a `Scalar` to a value or raises `Bad`.
"""

from __future__ import annotations

import re

from ert_deploy.config.providers import Host
from ert_deploy.config.schema.market_catalog import CARDS, COUNTRIES
from ert_deploy.config.schema.parser import Bad, Parser, accepts, whole_text
from ert_deploy.config.schema.scalars import matching, number, text
from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.settings import STATE_KEY
from ert_deploy.config.yaml.problems import nearest, shown
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.model.labels import DEPLOYMENT
from ert_deploy.core.model.owner import OWNER

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE_NAME = rf"(?:[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
_TAG, _DIGEST = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", r"@sha256:[0-9a-f]{64}"
_IMAGE = re.compile(rf"{_IMAGE_NAME}(?::(?P<tag>{_TAG}))?(?P<digest>{_DIGEST})?")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}:[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MEANT = {"UK": "write GB", "EU": "list its countries, such as [DE, NL, FR]"}
# Native runtimes of Render, its regions, and the triggers of automatic deploys (schema of `render.yaml`).
RUNTIMES = ("python", "node", "ruby", "go", "rust", "elixir")
REGIONS = ("oregon", "ohio", "virginia", "frankfurt", "singapore")
TRIGGERS = ("off", "commit", "checksPass")
DEPLOYMENT_PLACEHOLDER = "YOUR-DEPLOYMENT"
FOREIGN_VARIABLE = "does not start with"
PLACEHOLDER = "it is still the sample's placeholder"
_RESERVED = ("PORT", "PYTHON_VERSION", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")
_LOGIN = re.compile(r"ERT_DASHBOARD_\w+|(?:ERT_)?SECRET_KEY")

_deployment = matching(
    DEPLOYMENT.pattern, "a deployment's name", "a lower-case letter, then up to 31 lower-case letters, digits or dashes"
)
owner = matching(OWNER.pattern, "an owner id", "a lower-case letter, then 5 to 31 lower-case letters, digits or dashes")
_VARIABLE = r"[A-Z_][A-Z0-9_]{0,127}"
_variable = matching(
    _VARIABLE,
    "the name of an environment variable",
    "capitals, digits and underscores; the key itself is never in a config",
    secret=True,
)
state_key_variable = matching(
    rf"{STATE_KEY}[A-Z0-9_]{{0,100}}",
    "the name of the environment variable that holds the state key",
    f"{STATE_KEY}, or a name that begins like it; the key itself is never in a config",
    secret=True,
)
_NAME = re.compile(r"[A-Z]{1,16}(_[A-Z]{1,16}\d?){1,5}")  # certainly a name and no secret, so it may be printed
json_field = matching(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", "the name of a JSON field")
branch = matching(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", "the name of a branch")
folder = matching(
    r"\.|(?!\.\.?(/|$))[A-Za-z0-9._-]+(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)*",
    "a folder inside the repository",
    "such as apps/web, or . for the repository itself",
)
plan = matching(
    r"free|starter|standard|pro( plus| max| ultra)?|[0-9]+(\.[0-9]+)?c-[0-9]+(mb|g)",
    "a plan of a Render service",
    "such as starter or standard",
)
url_path = matching(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,200}", "a path", "it starts with / and has no query")


def key_variable(standard: str) -> Parser[str]:
    """Return a `Parser` of the name of a provider's key variable, which must have the prefix of `standard` up to `_`.

    Otherwise, a changed line in a config could have any secret of the environment sent out.
    """
    start = standard.partition("_")[0] + "_"

    @accepts(**whole_text(rf"(?={start}){_VARIABLE}"))
    def parse(scalar: Scalar) -> str:
        name = _variable(scalar)
        if name.startswith(start):
            return name
        what = name if _NAME.fullmatch(name) else "the variable"
        value = f"${name}" if _NAME.fullmatch(name) else "..."
        raise Bad(
            f"{what} {FOREIGN_VARIABLE} {start}, and is not read",
            f'write {standard} here, and export {standard}="{value}"',
        )

    return parse


@accepts(**whole_text(DEPLOYMENT.pattern, DEPLOYMENT_PLACEHOLDER))
def deployment(scalar: Scalar) -> str:
    """Parse the name of a deployment; reject the placeholder, which every copy of the sample would share."""
    if scalar.text == DEPLOYMENT_PLACEHOLDER:
        raise Bad(
            PLACEHOLDER, "a name of your own: two projects with one name and one account get into each other's way"
        )
    return _deployment(scalar)


def service_id(host: Host, name: str) -> bool:
    """Whether a service is identified by its unique id."""
    return re.fullmatch(host.id_prefix + host.id_rest, name) is not None


_OWNED = r"[A-Za-z_][A-Za-z0-9_]{0,127}"


def variable(host: Host) -> Parser[str]:
    """Return a `Parser` of a variable set on an app and deleted by `down`, not one of the host or of a login."""

    @accepts(**whole_text(rf"(?!{host.reserved}){_OWNED}"))
    def parse(scalar: Scalar) -> str:
        name = text(scalar)
        if not re.fullmatch(_OWNED, name):
            raise Bad(f"{shown(name)} is not the name of an environment variable", "letters, digits and underscores")
        if name in _RESERVED or name.startswith(host.reserved):
            raise Bad(f"{name} belongs to {host.name}", "choose another name")
        if _LOGIN.fullmatch(name):
            raise Bad(f"{name} is of the app's login", "choose another name; `down` would delete it, and open the app")
        return name

    return parse


# Also the placeholder of a draft, which only the parser rejects.
@accepts(
    **whole_text(
        rf"{_IMAGE_NAME}(?::{_TAG})?{_DIGEST}", rf"{_IMAGE_NAME}:(?!latest$){_TAG}", r"[\s\S]*YOUR-NAME[\s\S]*"
    )
)
def image(scalar: Scalar) -> str:
    """Parse a container image that always has the same content: with a tag other than `latest`, or a digest."""
    value = text(scalar)
    if "YOUR-NAME" in value:
        raise Bad(PLACEHOLDER, "set launch/image to the image you pushed")
    if value.startswith("-"):
        raise Bad(f"{shown(value)} starts with a dash", "an image, not an option")
    if re.search(r"\s", value):
        raise Bad(f"{shown(value)} holds white space")
    found = _IMAGE.fullmatch(value) if len(value) <= 1024 else None
    if not found:
        raise Bad(f"{shown(value)} is not an image reference", "lower case, such as ghcr.io/name/image:0.1.0")
    if found["digest"]:
        return value
    if not found["tag"]:
        raise Bad(f"{shown(value)} has neither tag nor digest", "add a tag, or better a digest (@sha256:...)")
    if found["tag"] == "latest":
        raise Bad(f"{shown(value)} moves: a host may hold another one", "give a version, or a digest (@sha256:...)")
    return value


@accepts(**whole_text(rf"(?!.*:latest$){_MODEL.pattern}"), examples=["gpt-oss:20b"])
def model_tag(scalar: Scalar) -> str:
    """Parse a tag of Ollama's library, `name:tag`; whether it exists is checked by `model_rules`."""
    value = text(scalar)
    if not _MODEL.fullmatch(value):
        raise Bad(f"{shown(value)} is not a model with its tag", "such as gpt-oss:20b")
    if value.endswith(":latest"):
        raise Bad(f"{shown(value)} moves", "name the size, such as gpt-oss:20b")
    return value


@accepts(enum=sorted(COUNTRIES))
def country(scalar: Scalar) -> str:
    """Parse a two-letter country code (ISO 3166-1)."""
    if scalar.kind == "bool":
        raise Bad(f"YAML reads {shown(scalar.text)} as true or false", f'for Norway, put it in quotes: "{scalar.text}"')
    code = text(scalar)
    if code in COUNTRIES:
        return code
    if code.upper() in COUNTRIES:
        raise Bad(f"{shown(code)} is not in capitals", f"write {code.upper()}")
    raise Bad(f"{shown(code)} is not a country code", _MEANT.get(code.upper(), "two letters, such as US or DE"))


_CARD = r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,59}"


@accepts(**whole_text(_CARD), examples=list(CARDS))
def card(scalar: Scalar) -> str:
    """Parse the exact name of a GPU on the market, with spaces; unknown names are accepted, as there are new ones."""
    name = text(scalar)
    if not re.fullmatch(_CARD, name):
        raise Bad(f"{shown(name)} is not the name of a GPU", nearest(name, CARDS) or "such as RTX 4090")
    plain = name.replace("_", " ").strip().casefold()
    same = next((one for one in CARDS if one.casefold() == plain), name)
    if same != name or "_" in name:
        raise Bad(f"{shown(name)} is not how the market spells it", f"write {same.replace('_', ' ')}")
    return name


def service(host: Host) -> Parser[str]:
    """Return a `Parser` of the exact name or the id of a service at that host."""

    @accepts(**whole_text(host.id_prefix + host.id_rest, rf"(?!{host.id_prefix})\S(?:.*\S)?"), maxLength=100)
    def parse(scalar: Scalar) -> str:
        value = text(scalar)
        if value.startswith(host.id_prefix) and not service_id(host, value):
            raise Bad(f"{shown(value)} is not a service id", host.id_meaning)
        if not value.isprintable() or value != value.strip() or not 1 <= len(value) <= 100:
            hint = f"its exact name in {host.name}, or its id ({host.id_prefix}...)"
            raise Bad(f"{shown(value)} is not the name of a service", hint)
        return value

    return parse


@accepts(type="string", pattern=r"\S", maxLength=500)
def command(scalar: Scalar) -> str:
    """Parse a command for Render's shell, on one line and without anything that looks like a key."""
    value = text(scalar)
    if not value.strip() or not value.isprintable() or len(value) > 500:
        raise Bad("it is not a command on one line")
    if SECRET_VALUE.search(value):
        raise Bad("it contains a value similar to a key", "give it to the app as an environment variable")
    return value


_CREATED = r"[a-z][a-z0-9-]{0,62}"


def created(kind: str, example: str) -> Parser[str]:
    """Return a `Parser` of the name of something that a Blueprint creates."""

    @accepts(**whole_text(_CREATED), examples=[example])
    def parse(scalar: Scalar) -> str:
        name = text(scalar)
        if not re.fullmatch(_CREATED, name):
            raise Bad(f"{shown(name)} is not the name of a {kind}", "lowercase letters, digits and hyphens")
        return name

    return parse


def number_or(word: str, low: float, high: float, unit: str = "") -> Parser[float | str]:
    """Return a `Parser` of a finite number from `low` to `high`, or of one word."""
    plain = number(low, high, unit)

    @accepts(anyOf=[*plain.shape["anyOf"], {"const": word}], unit=unit)
    def parse(scalar: Scalar) -> float | str:
        try:
            return word if scalar.text == word else plain(scalar)
        except Bad as error:
            raise Bad(error.what, f"{error.hint}, or {word}".removeprefix(", ")) from None

    return parse
