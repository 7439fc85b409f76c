"""Instance JSON: the row of one instance, after faults are applied. Does not modify the instance.

Field names and types: Vast OpenAPI `show_instance` and `show_instances`. Every row has a non-null `start_date` and a
list `extra_env`, both required by the official SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.httpd.echo import LEAST, encoded
from ert_deploy.sandbox.vast.contract import Contract, Phase
from ert_deploy.sandbox.vast.faults import Trouble, Troubles
from ert_deploy.sandbox.vast.offers import breakdown, host_row, prices
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.wire import Json

# F24
LAYER = "3b65ec22a9e9"
DISK_USED = 4.2  # GB of a running container


def instance_row(contract: Contract, now: float, troubles: Troubles, options: Options, lowest: float) -> Json:
    """Return the row that a client receives now; `lowest` is the bid in $/h that would get its GPU."""
    up = contract.phase is Phase.RUNNING
    row = {
        **host_row(contract.ask),
        **_what(contract),
        **_where(contract, now, troubles),
        **_money(contract, lowest),
        **_times(contract, now, up),
        **_load(contract, up),
        "status_msg": _told(contract, troubles) or _message(contract, now, options),
        "ports": _ports(contract) if up else None,
    }
    return _bent(row, troubles.on("row", contract))


def _what(contract: Contract) -> Json:
    order = contract.order
    return {
        "id": contract.id,
        "label": contract.label,
        "image_uuid": order.image,
        "image_args": list(order.args),
        "image_runtype": order.runtype,
        "extra_env": [[name, value] for name, value in order.env.items()],
        "onstart": order.onstart,
        "jupyter_token": contract.key[::-1],
        "template_id": order.template_id,
        "template_hash_id": order.template_hash_id,
        "template_name": None,
        "volume_info": [],
        "disk_space": order.disk,
        "gpu_totalram": contract.ask.card.ram_mb * contract.ask.gpus,
        "rentable": False,
        "external": False,
        "is_bid": contract.bid is not None,
    }


def _where(contract: Contract, now: float, troubles: Troubles) -> Json:
    return {
        "actual_status": _status(contract, now, troubles),
        "intended_status": contract.intended,
        "cur_state": contract.current,
        "next_state": "running" if contract.queued else contract.current,
        "public_ipaddr": f"{contract.address}\n" if contract.ran else "",
        "country_code": contract.ask.country(),
        "local_ipaddrs": "127.0.0.1 \n",
        "direct_port_start": -1,
        "direct_port_end": -1,
        "machine_dir_ssh_port": 21000,
        "ssh_host": "127.0.0.1",
        "ssh_idx": str(contract.id % 9 + 1),
        "ssh_port": 10000 + contract.id % 20000,
    }


def _status(contract: Contract, now: float, troubles: Troubles) -> str | None:
    flap = troubles.on("flap", contract)
    if flap is not None and contract.phase is Phase.RUNNING:
        return str(flap.details["status"]) if int(now / flap.number("every")) % 2 else contract.actual()
    lag = troubles.on("status_lag", contract)
    seen = now - lag.number("seconds") if lag is not None else now
    shown = [status for at, status in contract.history if at <= seen]
    return shown[-1] if shown else None


# F59
def _money(contract: Contract, lowest: float) -> Json:
    base, ask = contract.gpu_rate(), contract.ask
    total, disk_hour = prices(base, contract.order.disk, ask.storage_cost)
    dlperf = ask.card.dlperf * ask.gpus
    return {
        "dph_base": base,
        "dph_total": total,
        "storage_total_cost": disk_hour,
        "search": breakdown(base, disk_hour),
        "instance": breakdown(base if contract.uses_gpu else 0, disk_hour),
        "min_bid": lowest,
        "credit_balance": None,
        "credit_discount": None,
        "credit_discount_max": 0.4,
        "dlperf": dlperf,
        "dlperf_per_dphtotal": dlperf / max(total, 0.01),
        "flops_per_dphtotal": ask.card.power / 10 / max(total, 0.01),
        "vram_costperhour": base / (ask.card.ram_mb * ask.gpus),
        "score": dlperf,
    }


def _times(contract: Contract, now: float, up: bool) -> Json:
    return {
        "start_date": contract.created,
        "end_date": contract.ends,
        "duration": max(0.0, contract.ends - now),
        "uptime_mins": (now - contract.since) / 60 if up else None,
        "client_run_time": 1.0,
        "host_run_time": 2592000.0,
        "time_remaining": "",
        "time_remaining_isbid": "",
    }


# F25
def _load(contract: Contract, up: bool) -> Json:
    used = min(DISK_USED, contract.order.disk)
    return {
        "gpu_util": 0.0 if up else None,
        "gpu_temp": 41.0 if up else None,
        "cpu_util": 0.0,
        "mem_limit": 62.8 if up else None,
        "mem_usage": 1.2 if up else None,
        "vmem_usage": 0.0 if up else None,
        "disk_usage": used if up else -1,
        "disk_util": used / contract.order.disk if up else -1,  # a fraction (Vast's command line multiplies by 100)
    }


def _message(contract: Contract, now: float, options: Options) -> str | None:
    if contract.phase is not Phase.PULLING:
        return contract.message
    total = options.image_gb
    done = total - contract.image_left + contract.meter.transfers[-1].gigabytes(now)
    percent = 100.0 * done / total if total else 100.0
    return f"{LAYER}: Downloading {done * 1000:.1f}MB/{total * 1000:.1f}MB ({percent:.1f}%)"


def tells(contract: Contract, troubles: Troubles) -> tuple[str, ...]:
    """Return what a leaking host sends: its own secrets, and `texts` of the fault."""
    trouble = troubles.on("tells", contract)
    if trouble is None:
        return ()
    own = [value for value in contract.order.env.values() if len(value) >= LEAST]
    said = [*own, contract.key[::-1], *trouble.details["texts"]]
    return tuple(encoded(text, str(trouble.details["encoding"])) for text in said)


def _told(contract: Contract, troubles: Troubles) -> str | None:
    """Return one of these messages, the next one on each call."""
    trouble, said = troubles.on("tells", contract), tells(contract, troubles)
    if trouble is None or not said:
        return None
    trouble.told += 1
    return f"docker: {said[trouble.told % len(said)]} is not what it should be"


def _ports(contract: Contract) -> Mapping[str, list[Json]]:
    return {
        inside: [{"HostIp": host, "HostPort": str(outside)} for host in ("0.0.0.0", "::")]  # noqa: S104 - shown, not bound
        for inside, outside in contract.ports.items()
    }


def _bent(row: Json, trouble: Trouble | None) -> Json:
    if trouble is None:
        return row
    replaced: dict[str, Any] = {**row, **trouble.details["set"]}
    return {name: value for name, value in replaced.items() if name not in trouble.details["omit"]}
