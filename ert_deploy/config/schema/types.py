"""External identifiers: images, model tags, countries, GPUs, URLs, names, paths.

Same interface as in `scalars`: each function converts a `Scalar` to a value or raises `Bad`.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ert_deploy.config.schema.market_catalog import CARDS, COUNTRIES
from ert_deploy.config.schema.scalars import Bad, Parser, matching, text
from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.settings import HERE, STATE_KEY, S3Object
from ert_deploy.config.yaml.problems import nearest, shown
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.model.labels import DEPLOYMENT
from ert_deploy.core.model.owner import OWNER

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::\d{{1,5}})?/)?{_PART}(?:/{_PART})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?"
)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}:[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SERVICE_ID = re.compile(r"srv-[a-z0-9]{20}")
_MEANT = {"UK": "write GB", "EU": "list its countries, such as [DE, NL, FR]"}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9/!_.*'()-]{0,800}\.json")
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
_variable = matching(
    r"[A-Z_][A-Z0-9_]{0,127}",
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
    r"free|starter|standard|pro( plus| max| ultra)?|\d+(\.\d+)?c-\d+(mb|g)",
    "a plan of a Render service",
    "such as starter or standard",
)
url_path = matching(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,200}", "a path", "it starts with / and has no query")


def key_variable(standard: str) -> Parser:
    """Return a `Parser` of the name of a provider's key variable, which must have the prefix of `standard` up to `_`.

    Otherwise, a changed line in a config could have any secret of the environment sent out.
    """
    start = standard.partition("_")[0] + "_"

    def parse(scalar: Scalar) -> str:
        name: str = _variable(scalar)
        if name.startswith(start):
            return name
        what = name if _NAME.fullmatch(name) else "the variable"
        value = f"${name}" if _NAME.fullmatch(name) else "..."
        raise Bad(
            f"{what} {FOREIGN_VARIABLE} {start}, and is not read",
            f'write {standard} here, and export {standard}="{value}"',
        )

    return parse


def deployment(scalar: Scalar) -> str:
    """Parse the name of a deployment; reject the placeholder, which every copy of the sample would share."""
    if scalar.text == DEPLOYMENT_PLACEHOLDER:
        raise Bad(
            PLACEHOLDER, "a name of your own: two projects with one name and one account get into each other's way"
        )
    name: str = _deployment(scalar)
    return name


def service_id(name: str) -> bool:
    """Whether a service is identified by its unique id."""
    return _SERVICE_ID.fullmatch(name) is not None


def variable(scalar: Scalar) -> str:
    """Parse the name of a variable that is set on an app and deleted by `down`, not one of Render or of a login."""
    name = text(scalar)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
        raise Bad(f"{shown(name)} is not the name of an environment variable", "letters, digits and underscores")
    if name in _RESERVED or name.startswith("RENDER"):
        raise Bad(f"{name} belongs to Render", "choose another name")
    if _LOGIN.fullmatch(name):
        raise Bad(f"{name} is of the app's login", "choose another name; `down` would delete it, and open the app")
    return name


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


def model_tag(scalar: Scalar) -> str:
    """Parse a tag of Ollama's library, `name:tag`; whether it exists is checked by `model_rules`."""
    value = text(scalar)
    if not _MODEL.fullmatch(value):
        raise Bad(f"{shown(value)} is not a model with its tag", "such as gpt-oss:20b")
    if value.endswith(":latest"):
        raise Bad(f"{shown(value)} moves", "name the size, such as gpt-oss:20b")
    return value


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


def card(scalar: Scalar) -> str:
    """Parse the exact name of a GPU on the market, with spaces; unknown names are accepted, as there are new ones."""
    name = text(scalar)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,59}", name):
        raise Bad(f"{shown(name)} is not the name of a GPU", nearest(name, CARDS) or "such as RTX 4090")
    plain = name.replace("_", " ").strip().casefold()
    same = next((one for one in CARDS if one.casefold() == plain), name)
    if same != name or "_" in name:
        raise Bad(f"{shown(name)} is not how the market spells it", f"write {same.replace('_', ' ')}")
    return name


def service(scalar: Scalar) -> str:
    """Parse the exact name or the id of a Render service."""
    value = text(scalar)
    if value.startswith("srv-") and not _SERVICE_ID.fullmatch(value):
        raise Bad(f"{shown(value)} is not a service id", "srv- and 20 lower-case letters or digits")
    if not value.isprintable() or value != value.strip() or not 1 <= len(value) <= 100:
        raise Bad(f"{shown(value)} is not the name of a service", "its exact name in Render, or its id (srv-...)")
    return value


def command(scalar: Scalar) -> str:
    """Parse a command for Render's shell, on one line and without anything that looks like a key."""
    value = text(scalar)
    if not value.strip() or not value.isprintable() or len(value) > 500:
        raise Bad("it is not a command on one line")
    if SECRET_VALUE.search(value):
        raise Bad("it contains a value similar to a key", "give it to the app as an environment variable")
    return value


def provider_url(scalar: Scalar) -> str:
    """Parse an https URL without credentials; allow plain http only to loopback. A trailing slash is removed."""
    value = text(scalar)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Bad("it is not a web address") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise Bad("it holds more than an address", "keys belong into environment variables")
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", value) or not host or not _reachable_safely(parts, host):
        raise Bad(f"{shown(value)} is not an https address", "plain http only to 127.0.0.1")
    return value.rstrip("/")


def path(scalar: Scalar) -> Path:
    """Parse the path of a file or directory; `~` is the home directory."""
    value = text(scalar)
    if not value.strip() or not value.isprintable() or len(value) > 1000:
        raise Bad(f"{shown(value)} is not a path")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise Bad(f"{shown(value)}: there is no such home folder", "write the path in full") from None


def state_place(scalar: Scalar) -> Path | S3Object:
    """Parse the location of the state: a file, or `s3://bucket/key.json`. `{deployment}` is replaced by the name."""
    value = text(scalar)
    if not value.lower().startswith("s3:"):
        return path(scalar)
    found = re.fullmatch(r"s3://([^/]*)/(.*)", value)
    if not found:
        raise Bad(f"{shown(value)} is not an object in S3", "such as s3://my-bucket/ert/{deployment}.json")
    bucket, key = found.groups()
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise Bad(f"{shown(bucket)} is not the name of a bucket", "3 to 63 lower-case letters, digits, dashes or dots")
    if not _KEY.fullmatch(key.replace(HERE, "d")) or "//" in key or ".." in key:
        raise Bad(f"{shown(key)} is not a key for the state", "letters, digits and /!_.*'()- , ending in .json")
    return S3Object(bucket, key)


def _reachable_safely(parts: SplitResult, host: str) -> bool:
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by a loopback IP address or as localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
