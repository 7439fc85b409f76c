"""Vast response parsing: converts JSON to the types of this package.

The structure is checked strictly (an invalid page raises an error), single rows are not: during provisioning many
fields are null, and one invalid row must not hide the others (the SDK's own list fails on it).
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ert_deploy.core import redaction
from ert_deploy.core.model.desired import PORT
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.keys import admin_token
from ert_deploy.core.model.labels import parse_label, read_birth, read_mark
from ert_deploy.core.model.observed import Address, Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import printable
from ert_deploy.ports import Account
from ert_deploy.providers.vast import messages
from ert_deploy.providers.vast.container import agreed, container
from ert_deploy.providers.vast.power import ENDED, outbid, power_of

DATACENTER = 1  # hosting_type
TOP_UP = "add credit at cloud.vast.ai"
SSH_PORT = 22  # of the container
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def page(data: Any) -> tuple[list[Mapping[str, Any]], str | None, int]:
    """Return the rows of a list page, the token of the next page, and the total; `CannotObserve` if it is invalid.

    Documented are `success`, `instances`, `next_token` and `total_instances`. Without the total, an empty page could be
    an incomplete one, so it is an error.
    """
    if not isinstance(data, dict) or data.get("success") is not True:
        raise CannotObserve("Vast.ai returned an invalid list of instances", printable(data))
    rows, token, total = data.get("instances"), data.get("next_token"), data.get("total_instances")
    if not isinstance(rows, list) or not all(isinstance(r, dict) and type(r.get("id")) is int for r in rows):
        raise CannotObserve("Vast.ai returned an invalid list of instances")
    hold_secrets(rows)
    if token is not None and not isinstance(token, str):
        raise CannotObserve("Vast.ai returned a page token that is not text")
    if type(total) is not int:
        raise CannotObserve("Vast.ai returned a list of instances without its length")
    return rows, token or None, total


def one(data: Any, status: int, instance_id: InstanceId) -> Instance | None:
    """Return the instance in a response; None only for the two documented responses that it does not exist.

    Those are 200 with `instances` null, and 404 `no_such_instance`. Raises `CannotObserve` for any other response
    without this instance: an empty object or list is not documented by Vast, so it is no proof.
    """
    body = data if isinstance(data, dict) else {}
    failed = body.get("success", True) is not True
    if status == HTTPStatus.NOT_FOUND and body.get("error") == "no_such_instance":
        return None
    row = body.get("instances", "missing")
    if status == HTTPStatus.OK and row is None and not failed:
        return None
    if status == HTTPStatus.OK and not failed and isinstance(row, dict) and type(row.get("id")) is int:
        if str(row["id"]) == instance_id:
            hold_secrets([row])
            return instance(row)
        raise CannotObserve(f"Vast.ai returned instance {row['id']} instead of {instance_id}")
    raise CannotObserve(f"Vast.ai returned an invalid response about instance {instance_id}", f"status {status}")


def number(name: str) -> int:
    """Return an id as the API of Vast.ai has it. Raise `CannotObserve` for one that Vast.ai cannot have given out."""
    if not _NUMBER.fullmatch(name):
        raise CannotObserve(f"{printable(name)} is not an id of Vast.ai, where ids are numbers")
    return int(name)


def hold_secrets(rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep every secret in the rows out of messages before their text is used: a host may repeat one of another row.

    A row has the whole environment, account-wide variables included, and tokens of Vast (OpenAPI, `show_instances`).
    """
    for row in rows:
        texts = {name: value for name, value in row.items() if isinstance(value, str)}
        env = _env(row.get("extra_env"))
        redaction.HELD.hold_named({**texts, **env})
        redaction.hold(admin_token(Secret(env.get("ERT_BOOT_SECRET", ""))) or "")
        arguments = row.get("image_args")
        given = [str(word) for word in arguments] if isinstance(arguments, list) else []
        for text in (*texts.values(), " ".join(given)):
            redaction.HELD.hold_assigned(text)


def instance(row: Mapping[str, Any]) -> Instance:
    """Convert one row to an `Instance`."""
    env, status = _env(row.get("extra_env")), _text(row.get("actual_status"))
    label = row.get("label") if isinstance(row.get("label"), str) else None
    claim = parse_label(label)
    return Instance(
        id=InstanceId(str(row["id"])),
        mark=read_mark(label, env),
        claims=claim.deployment if claim else None,
        status=status,
        power=power_of(status, _text(row.get("intended_status")), _text(row.get("cur_state"))),
        ended=status in ENDED,
        message=messages.read(printable(row.get("status_msg") or "")),
        machine_id=_id(row.get("machine_id")),
        host_id=_id(row.get("host_id")),
        gpu_name=printable(row.get("gpu_name") or "", 60),
        geolocation=printable(row.get("geolocation") or "", 60),
        bid=row.get("is_bid") is True,
        dph=_price(row.get("dph_total")),
        disk_dph=_price(row.get("storage_total_cost")),
        started=_number(row.get("start_date"), math.nan) if row.get("start_date") else None,
        ends=_number(row.get("end_date"), math.nan) if row.get("end_date") else None,
        address=_address(row, PORT),
        shell=_shell(row),
        spec=env.get("ERT_SPEC", ""),
        key_hashes=tuple(filter(None, env.get("ERT_KEY_HASHES", "").split(","))),
        boot_secret=Secret(env.get("ERT_BOOT_SECRET", "")),
        born=read_birth(env),
        owner=env.get("ERT_OWNER", ""),
        agreed=agreed(env),
        label_token=claim.token if claim else "",
        outbid=outbid(row.get("is_bid"), row.get("cur_state"), row.get("dph_base"), row.get("min_bid")),
        container=container(row, env),
    )


def offer(row: Any, *, asked_for_amd64: bool = False) -> Offer | None:
    """Convert one row to an `Offer`; None without a usable id. An absent number becomes NaN, which fails every filter.

    An absent architecture is `amd64` if the search was restricted to that, else unknown.
    """
    if not isinstance(row, dict):
        return None
    ask, machine = row.get("ask_contract_id", row.get("id")), row.get("machine_id")
    if type(ask) is not int or type(machine) is not int:
        return None
    return Offer(
        id=str(ask),
        machine_id=str(machine),
        gpu_name=printable(row.get("gpu_name") or "", 60),
        gpu_ram_mb=_number(row.get("gpu_ram")),
        dph_total=_number(row.get("dph_total")),
        reliability=_number(row.get("reliability2", row.get("reliability"))),
        inet_down=_number(row.get("inet_down")),
        inet_down_cost=_number(row.get("inet_down_cost")),
        cuda=_number(row.get("cuda_max_good")),
        ports=_int(row.get("direct_port_count")),
        duration=_number(row.get("duration")),
        disk_gb=_number(row.get("disk_space")),
        geolocation=printable(row.get("geolocation") or "", 60),
        num_gpus=_int(row.get("num_gpus")),
        verified=row.get("verification") == "verified" or row.get("verified") is True,
        rentable=row.get("rentable") is not False and row.get("rented") is not True,
        datacenter=row.get("hosting_type") == DATACENTER or row.get("datacenter") is True,
        cpu_arch=_text(row.get("cpu_arch")) or ("amd64" if asked_for_amd64 else ""),
        min_bid=_number(row.get("min_bid")) if row.get("min_bid") is not None else None,
        host_id=_id(row.get("host_id")),
        ip=_ip(row.get("public_ipaddr")),
    )


def _env(value: Any) -> dict[str, str]:
    """Convert `extra_env`, in the API a list of pairs; also accept a dict, null or invalid rows."""
    if isinstance(value, dict):
        value = list(value.items())
    if not isinstance(value, list):
        return {}
    pairs = (p for p in value if isinstance(p, list | tuple) and len(p) == len(("name", "value")))
    return {str(name): str(text) for name, text in pairs}


def _shell(row: Mapping[str, Any]) -> Address | None:
    """Return the IP and port of the SSH server: port 22 of the container, else Vast's proxy, listed in every row."""
    if "ssh" not in str(row.get("image_runtype") or ""):
        return None
    direct, host, port = _address(row, SSH_PORT), row.get("ssh_host"), row.get("ssh_port")
    if direct is not None or not isinstance(host, str) or not _HOST.fullmatch(host.strip()):
        return direct
    return Address(host.strip(), port) if type(port) is int and 0 < port < 65536 else None


def _address(row: Mapping[str, Any], port: int) -> Address | None:
    """Return the public IPv4 and port for a container port; None unless both are present and valid."""
    ports, ip = row.get("ports"), _ip(row.get("public_ipaddr"))
    if not isinstance(ports, dict) or not ip:
        return None
    if not isinstance(bindings := ports.get(f"{port}/tcp"), list):
        return None
    try:
        found = [int(b["HostPort"]) for b in bindings if b.get("HostIp") != "::"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Address(ip, found[0]) if found and 0 < found[0] < 65536 else None


def _ip(value: Any) -> str:
    """Return a public IPv4 address as text; "" if it is absent or invalid."""
    try:
        return str(ipaddress.IPv4Address(value.strip())) if isinstance(value, str) else ""
    except ValueError:
        return ""


def account(user: Any) -> Account:
    """Return the account id and the credit. Raise `CannotObserve` unless both are present."""
    credit, number = (user.get("credit"), user.get("id")) if isinstance(user, dict) else (None, None)
    if not isinstance(credit, int | float):
        raise CannotObserve("Vast.ai did not return the remaining credit")
    if type(number) is not int:
        raise CannotObserve("Vast.ai did not return the account of the key")
    return Account(float(credit), printable(user.get("email") or "", 100), str(number), TOP_UP)


def variable_names(said: Any) -> tuple[str, ...]:
    """Return the names in a response with the account's variables. Raise `CannotObserve` if there are none."""
    found = said.get("secrets") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        raise CannotObserve("Vast.ai did not return the variables of the account")
    return tuple(sorted(printable(name, 100) for name in found))


def _number(value: Any, default: float = math.nan) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _price(value: Any) -> float:
    """Return a price in $/h; NaN if it is absent, which is neither free nor below any cap."""
    found = _number(value)
    return found if math.isfinite(found) and found >= 0 else math.nan


def _id(value: Any) -> str:
    return str(value) if type(value) is int else ""


def _int(value: Any) -> int:
    return value if type(value) is int else 0


def _text(value: Any) -> str | None:
    return printable(value, 40) if isinstance(value, str) else None
