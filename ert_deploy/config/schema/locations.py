"""Locations: URLs, paths, and the place of the state.

Same interface as in `scalars`: each `Parser` converts a `Scalar` to a value or raises `Bad`.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ert_deploy.config.schema.parser import Bad, accepts, whole_text
from ert_deploy.config.schema.scalars import text
from ert_deploy.config.settings import HERE, PostgresState, S3Object
from ert_deploy.config.yaml.problems import shown
from ert_deploy.config.yaml.tree import Scalar

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9/!_.*'()-]{0,800}\.json")
_DATABASE = "ERT_STATE_DATABASE_URL"
_VARIABLE = r"[A-Z_][A-Z0-9_]{0,99}"
_URL = re.compile(r"[\x21-\x7e]{1,200}")


@accepts(**whole_text(r"[Hh][Tt][Tt][Pp][Ss]?://[\x21-\x7e]+"), maxLength=200)
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
    if not _URL.fullmatch(value) or not host or not _reachable_safely(parts, host):
        raise Bad(f"{shown(value)} is not an https address", "plain http only to 127.0.0.1")
    return value.rstrip("/")


@accepts(**whole_text(r"[0-9a-fA-F.:]{2,45}/[0-9]{1,3}"), examples=["203.0.113.7/32"])
def network(scalar: Scalar) -> str:
    """Parse a network that addresses on the internet come from, in CIDR notation."""
    value = text(scalar)
    try:
        found = ipaddress.ip_network(value)
    except ValueError:
        raise Bad(f"{shown(value)} is not a network", "such as 203.0.113.7/32, which is one address") from None
    if "/" not in value:
        raise Bad(f"{shown(value)} is not a network", f"{value}/{found.max_prefixlen} is this address alone")
    return str(found)


@accepts(type="string", pattern=r"\S", maxLength=1000)
def path(scalar: Scalar) -> Path:
    """Parse the path of a file or directory; `~` is the home directory."""
    value = text(scalar)
    if not value.strip() or not value.isprintable() or len(value) > 1000:
        raise Bad(f"{shown(value)} is not a path")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise Bad(f"{shown(value)}: there is no such home folder", "write the path in full") from None


# `{deployment}` may stand in the key of an object, and make it longer than the object's.
@accepts(
    **whole_text(
        rf"postgres(:{_VARIABLE})?",
        r"(?![sS]3:|postgres(ql)?(:|$)).*\S.*",
        rf"s3://{_BUCKET.pattern}/[A-Za-z0-9{{][A-Za-z0-9/!_.*'(){{}}-]*\.json",
    )
)
def state_place(scalar: Scalar) -> Path | S3Object | PostgresState:
    """Parse the location of the state: a file, `s3://bucket/key.json`, or `postgres` with the variable of its URL.

    `{deployment}` is replaced by the name. A database has one row per deployment.
    """
    value = text(scalar)
    if re.match(r"postgres(ql)?(:|$)", value):
        return _database(value)
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


def _database(value: str) -> PostgresState:
    found = re.fullmatch(rf"postgres(?::({_VARIABLE}))?", value)
    if not found:
        raise Bad(
            "it is neither `postgres` nor `postgres:VARIABLE`",
            f"the URL, which holds the password, is read from that variable; `postgres` alone reads {_DATABASE}",
        )
    return PostgresState(found.group(1) or _DATABASE)


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
