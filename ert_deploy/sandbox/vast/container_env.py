"""Container environment: what Vast sets, and what makes the container a local process.

Set by Vast (docs, instances/docker-environment): CONTAINER_ID, CONTAINER_API_KEY, PUBLIC_IPADDR, VAST_TCP_PORT_n,
VAST_CONTAINERLABEL, GPU_COUNT, DATA_DIRECTORY. These override the variables of the create call, which override those of
the account. ERT_VAST_API is always the URL of this server. Only `extra` and the fault `machine_env` override these
values, and neither can contain remote hosts.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ert_deploy.sandbox.runtime.machines import Command
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.faults import Troubles

GUARD: Command = (sys.executable, "-m", "ert_backend.guard")
PACKAGE_PARENT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Site:
    """Paths and settings for all machines; `extra` is added to the environment of each."""

    images: Path
    models: Path | None
    speed: float
    vast_api: str
    extra: Mapping[str, str]


def environment(contract: Contract, site: Site, disk: Path, troubles: Troubles) -> dict[str, str]:
    """Return the environment of the container's main process, without `PATH`, `HOME` and `LANG`."""
    trouble = troubles.on("machine_env", contract)
    chosen = {str(k): str(v) for k, v in trouble.details["env"].items()} if trouble is not None else {}
    env = {
        **contract.order.variables(),
        **_vast(contract, disk),
        **_sandbox(contract, site, disk),
        **site.extra,
        **chosen,
    }
    if troubles.on("no_container_key", contract) is not None:
        del env["CONTAINER_API_KEY"]
    return env


def _vast(contract: Contract, disk: Path) -> dict[str, str]:
    ports = {
        f"VAST_{p.partition('/')[2].upper()}_PORT_{p.partition('/')[0]}": str(n) for p, n in contract.ports.items()
    }
    return {
        "CONTAINER_ID": str(contract.id),
        "CONTAINER_API_KEY": contract.key,
        "PUBLIC_IPADDR": contract.told_address,
        "VAST_CONTAINERLABEL": f"C.{contract.id}",
        "GPU_COUNT": str(contract.ask.gpus),
        "DATA_DIRECTORY": str(disk),
        **ports,
    }


def _sandbox(contract: Contract, site: Site, disk: Path) -> dict[str, str]:
    engine = f"127.0.0.1:{_free_port()}"
    env = {
        "PYTHONPATH": os.pathsep.join((str(site.images / "llm-backend"), str(PACKAGE_PARENT))),
        "ERT_VAST_API": site.vast_api,
        "ERT_DATA_DIR": str(disk),
        "ERT_CLOCK_SPEED": repr(site.speed),
        # There is no GPU to measure here; any speed of a CPU is accepted.
        "ERT_MIN_TOKENS_PER_S": "0",
        "ERT_OLLAMA_CMD": shlex.join((sys.executable, "-m", "ert_deploy.sandbox.ollama")),
        "OLLAMA_HOST": engine,
        "ERT_ENGINE_HOST": engine,
    }
    own = replace(contract.order, runtype="args").published()
    tcp = [port for name, port in contract.ports.items() if name.endswith("/tcp") and name in own]
    # Also without a published port, because the default of the image is to bind all interfaces.
    env["ERT_BIND"] = f"{contract.address}:{tcp[0] if tcp else _free_port()}"
    if site.models is not None:
        env["ERT_SANDBOX_MODELS"] = str(site.models)
    return env


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
