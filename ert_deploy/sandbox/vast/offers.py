"""Offers: the search and the JSON format of an offer. No I/O, no clock.

Source: Vast OpenAPI `search_offers`; `dph_total = dph_base + disk_GB * storage_cost / 720`. Limitations of the real
service are included: at most 64 offers, a filter on `id` matches no offer, a filter on an unknown field is ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ert_deploy.sandbox.vast.filters import check, matches
from ert_deploy.sandbox.vast.market import HOURS_PER_MONTH, Ask
from ert_deploy.sandbox.vast.wire import Json, Refusal

MAX_OFFERS = 64
DEFAULT_STORAGE = 8.0
PLAIN = ("order", "type", "limit", "allocated_storage", "disable_bundling", "select_cols", "q", "resource_type")
BID_TYPES = ("bid", "interruptible")
TYPES = ("on-demand", "ondemand", "reserved", *BID_TYPES)


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed search. `storage` in GB."""

    filters: Mapping[str, Mapping[str, Any]]
    order: tuple[tuple[str, bool], ...]
    bid: bool
    limit: int
    storage: float


def parse_search(body: Any) -> Search:
    """Parse the flat query object. Raises `Refusal` 400 where the real service does."""
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "Invalid json body")
    wanted = body.get("type", "on-demand")
    if wanted not in TYPES:
        raise Refusal(400, "invalid_request", f"Invalid type: {wanted}")
    filters = {name: value for name, value in body.items() if name not in PLAIN}
    for name, conditions in filters.items():
        check(name, conditions)
    return Search(filters, _order(body.get("order")), wanted in BID_TYPES, _limit(body.get("limit")), _storage(body))


def _order(value: Any) -> tuple[tuple[str, bool], ...]:
    if value is None:
        return (("score", True),)
    try:
        return tuple((str(field), str(direction).lower() == "desc") for field, direction in value)
    except (TypeError, ValueError):
        raise Refusal(400, "invalid_request", "Invalid order") from None


def _limit(value: Any) -> int:
    try:
        limit = int(value)
    except (TypeError, ValueError):
        return MAX_OFFERS
    return min(limit, MAX_OFFERS) if limit > 0 else MAX_OFFERS


def _storage(body: Mapping[str, Any]) -> float:
    try:
        return max(0.0, float(body.get("allocated_storage", DEFAULT_STORAGE)))
    except (TypeError, ValueError):
        raise Refusal(400, "invalid_request", "Invalid allocated_storage") from None


def search(asks: Iterable[Ask], query: Search, now: float, taken: Callable[[Ask], bool]) -> list[Json]:
    """Return the matching rows in the requested order, at most 64."""
    rows = [offer_row(a, now, storage=query.storage, bid=query.bid, rented=taken(a)) for a in asks]
    rows = [row for row in rows if matches(_filterable(row), query.filters)]
    for field, descending in reversed(query.order):
        rows.sort(key=lambda row: _sortable(row, field), reverse=descending)
    return [{**row, "rn": number} for number, row in enumerate(rows[: query.limit], 1)]


def _sortable(row: Json, field: str) -> tuple[int, Any]:
    value = row.get("reliability2" if field == "reliability" else field)
    if isinstance(value, (int, float)):
        return (1, value)
    return (0, "") if value is None else (2, str(value))


def _filterable(row: Json) -> Json:
    """Return the row with the field names and types of a search: booleans for states, a country code as location."""
    return {
        **row,
        "id": None,
        "verified": row["verification"] == "verified",
        "datacenter": row["hosting_type"] == 1,
        "external": bool(row["external"]),
        "geolocation": row["geolocation"].rsplit(", ", 1)[-1],
        "driver_version": row["driver_vers"],
        "ubuntu_version": row["os_version"],
    }


def prices(base: float, disk: float, storage_cost: float) -> tuple[float, float]:
    """Return `dph_total` and the part of it for the disk, in $/h."""
    disk_hour = disk * storage_cost / HOURS_PER_MONTH
    return base + disk_hour, disk_hour


def breakdown(gpu: float, disk: float) -> Json:
    """Return the price object, which offers and instances contain twice."""
    total = gpu + disk
    return {
        "gpuCostPerHour": gpu,
        "diskHour": disk,
        "totalHour": total,
        "discountTotalHour": 0,
        "discountedTotalPerHour": total,
    }


def offer_row(ask: Ask, now: float, *, storage: float, bid: bool = False, rented: bool = False) -> Json:
    """Return an offer in the format of `/bundles/`."""
    base = ask.min_bid if bid else ask.dph_base
    total, disk_hour = prices(base, storage, ask.storage_cost)
    dlperf = ask.card.dlperf * ask.gpus
    return {
        **host_row(ask),
        "id": ask.id,
        "ask_contract_id": ask.id,
        "is_bid": bid,
        "rentable": not rented,
        "rented": rented,
        "dph_base": base,
        "dph_total": total,
        "dph_total_adj": total + ask.inet_down_cost * 0.1,
        "discounted_dph_total": total,
        "discounted_hourly": 0.0,
        "discount_rate": 0,
        "credit_discount_max": 0.4,
        "storage_total_cost": disk_hour,
        "search": breakdown(base, disk_hour),
        "instance": breakdown(base, disk_hour),
        "duration": max(0.0, ask.end_date - now),
        "start_date": ask.start_date,
        "end_date": ask.end_date,
        "time_remaining": "",
        "time_remaining_isbid": "",
        "score": dlperf / max(total, 0.01) * ask.reliability,
        "dlperf": dlperf,
        "dlperf_per_dphtotal": dlperf / max(total, 0.01),
        "flops_per_dphtotal": ask.card.power / 10 / max(total, 0.01),
        "vram_costperhour": base / (ask.card.ram_mb * ask.gpus),
        "disk_space": ask.disk_space,
        "avail_vol_ask_id": None,
        "avail_vol_size": None,
        "avail_vol_dph": None,
        "bundled_results": None,
        "gpu_ids": [ask.machine_id * 10 + n for n in range(ask.gpus)],
        "rn": 1,
    }


def host_row(ask: Ask) -> Json:
    """Return the fields of the host, which are the same in offers and instances."""
    return {**_identity(ask), **_gpu(ask), **_rest(ask)}


def _identity(ask: Ask) -> Json:
    return {
        "bundle_id": 500_000_000 + int(hashlib.sha256(str(ask.machine_id).encode()).hexdigest()[:6], 16),
        "machine_id": ask.machine_id,
        "host_id": ask.host_id,
        "hostname": None,
        "external": None,
        "cluster_id": None,
        "logo": "/static/logos/vastai_small2.png",
        "webpage": None,
        "resource_type": "gpu",
        "hosting_type": int(ask.datacenter),
        "verification": "verified" if ask.verified else "unverified",
        "vericode": int(ask.verified),
        "reliability": ask.reliability,
        "reliability2": ask.reliability,
        "reliability_mult": ask.reliability,
        "expected_reliability": ask.reliability,
        "geolocation": ask.geolocation,
        "geolocode": sum(ord(letter) << 8 * place for place, letter in enumerate(ask.country())),
        "static_ip": ask.static_ip,
        "public_ipaddr": ask.address,
        "vms_enabled": False,
        "is_vm_deverified": False,
    }


def _gpu(ask: Ask) -> Json:
    card = ask.card
    return {
        "gpu_name": card.name,
        "gpu_arch": "nvidia",
        "num_gpus": ask.gpus,
        "gpu_ram": card.ram_mb,
        "gpu_total_ram": card.ram_mb * ask.gpus,
        "gpu_frac": 1.0,
        "gpu_lanes": 16,
        "gpu_mem_bw": card.bandwidth,
        "gpu_max_power": card.power,
        "gpu_max_temp": 88.0,
        "gpu_display_active": False,
        "bw_nvlink": 0.0,
        "compute_cap": card.capability,
        "cuda_max_good": ask.cuda,
        "driver_version": ask.driver,
        "driver_vers": int("".join(part.zfill(3) for part in ask.driver.split("."))),
        "total_flops": card.power / 10,
    }


# F30
def _rest(ask: Ask) -> Json:
    return {
        "cpu_name": ask.cpu,
        "cpu_arch": ask.cpu_arch,
        "cpu_cores": ask.cores,
        "cpu_cores_effective": float(ask.cores),
        "cpu_ghz": 3.2,
        "cpu_ram": ask.cpu_ram,
        "has_avx": 1,
        "mobo_name": "ROMED8-2T",
        "os_version": "22.04",
        "pci_gen": 4.0,
        "pcie_bw": 22.5,
        "disk_bw": 2500.0,
        "disk_name": "Samsung SSD 980",
        "direct_port_count": ask.ports,
        "inet_down": ask.inet_down,
        "inet_up": ask.inet_up,
        "inet_down_cost": ask.inet_down_cost,
        "inet_up_cost": ask.inet_up_cost,
        "internet_down_cost_per_tb": ask.inet_down_cost * 1000,
        "internet_up_cost_per_tb": ask.inet_up_cost * 1000,
        "storage_cost": ask.storage_cost,
        "min_bid": ask.min_bid,
        "nw_disk_avg_bw": None,
        "nw_disk_max_bw": None,
        "nw_disk_min_bw": None,
    }
