"""Vast search filters, in the units of the API: MB, Mb/s, seconds, floats."""

from __future__ import annotations

from typing import Any

from ert_deploy.core.model.desired import Criteria, Launch


def wide_query(criteria: Criteria) -> dict[str, Any]:
    """Return only the GPU RAM and the mandatory filters, to explain a search without results."""
    return {
        "gpu_ram": {"gte": criteria.min_gpu_ram_mb},
        "num_gpus": {"eq": 1},
        "rentable": {"eq": True},
        "external": {"eq": False},
    }


def of_offer(number: int) -> dict[str, Any]:
    """Return the filters for one offer; its `id` would match nothing (observed by other clients)."""
    return {"ask_contract_id": {"eq": number}, "rentable": {"eq": True}}


def query(criteria: Criteria, launch: Launch) -> dict[str, Any]:
    """Return all filters that the server supports, in its units."""
    asked = {
        **wide_query(criteria),
        "rented": {"eq": False},
        "dph_total": {"lte": criteria.max_dph},
        "reliability": {"gte": criteria.min_reliability},
        "inet_down": {"gte": criteria.min_inet_down},
        "inet_down_cost": {"lte": criteria.max_inet_cost},
        "cuda_max_good": {"gte": criteria.min_cuda},
        "direct_port_count": {"gte": criteria.min_ports},
        "duration": {"gte": criteria.min_duration},
        "disk_space": {"gte": launch.disk_gb},
        "cpu_arch": {"eq": "amd64"},
    }
    if criteria.verified:
        asked["verified"] = {"eq": True}
    if criteria.datacenter:
        asked["datacenter"] = {"eq": True}
    if criteria.gpu_names:
        asked["gpu_name"] = {"in": list(criteria.gpu_names)}
    if criteria.countries:
        asked["geolocation"] = {"in": list(criteria.countries)}
    return asked
