"""The fingerprint over the variables managed by a deployment, computed like the deployer does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.dashboard.fake_backend import FakeBackend

UNLIMITED = {"ERT_DASHBOARD_REPORTS_PER_HOUR": "0", "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0"}  # for one client
OWNED = (
    "REMOTE_LLM_INTEGRATION",
    "ERT_LLM_BACKEND_URL",
    "ERT_LLM_API_KEY",
    "ERT_LLM_TIMEOUT",
    "OLLAMA_INTEGRATION",
    "OPENAI_INTEGRATION",
    "ERT_LLM_CA_CERT",
    "ERT_LLM_PREVIEWS",
    "ERT_LLM_BACKENDS",
)


def sealed(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment with the fingerprint that a deployer would write."""
    owned = {name: environ[name] for name in OWNED if name in environ}
    text = json.dumps(owned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**environ, "ERT_LLM_CONFIG_FINGERPRINT": sha256(text.encode()).hexdigest()[:16]}


def entry(backend: FakeBackend, weight: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the entry of a backend in a list."""
    return {"url": backend.url, "certificate": backend.pem, "key": backend.key, "weight": weight, **changes}


def listed(entries: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    """Return a complete configuration with a list of backends."""
    return sealed(
        {
            "REMOTE_LLM_INTEGRATION": "true",
            "ERT_LLM_BACKENDS": json.dumps(entries),
            "ERT_LLM_TIMEOUT": "30",
            "OLLAMA_INTEGRATION": "false",
            "OPENAI_INTEGRATION": "false",
            "ERT_DASHBOARD_DB": str(folder / "reports.sqlite3"),
        }
    )


def numbered(environ: dict[str, str], number: int, **values: str) -> dict[str, str]:
    """Return the environment with a further set of these variables, by their plain names, and its fingerprint."""
    owned = {f"{name}_{number}": value for name, value in values.items()}
    text = json.dumps(owned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    claimed = {f"ERT_LLM_CONFIG_FINGERPRINT_{number}": sha256(text.encode()).hexdigest()[:16]}
    return {**environ, **owned, **claimed}


def replica(environ: dict[str, str], number: int, backend: FakeBackend, timeout_s: int = 30) -> dict[str, str]:
    """Return the environment with the set of variables that a further replica publishes."""
    return numbered(
        environ,
        number,
        REMOTE_LLM_INTEGRATION="true",
        ERT_LLM_BACKEND_URL=backend.url,
        ERT_LLM_API_KEY=backend.key,
        ERT_LLM_TIMEOUT=str(timeout_s),
        ERT_LLM_CA_CERT=backend.pem,
    )


def complete(backend: FakeBackend, folder: Path, timeout_s: int = 30) -> dict[str, str]:
    """Return a complete configuration for the fake backend, with the reports stored in a directory."""
    return sealed(
        {
            "REMOTE_LLM_INTEGRATION": "true",
            "ERT_LLM_BACKEND_URL": backend.url,
            "ERT_LLM_API_KEY": backend.key,
            "ERT_LLM_TIMEOUT": str(timeout_s),
            "OLLAMA_INTEGRATION": "false",
            "OPENAI_INTEGRATION": "false",
            "ERT_LLM_CA_CERT": backend.pem,
            "ERT_DASHBOARD_DB": str(folder / "reports.sqlite3"),
        }
    )


def replicas(backends: Sequence[Any], folder: Path, timeout_s: int = 30) -> dict[str, str]:
    """Return a set of variables for each backend, as that many replicas publish them."""
    environ = complete(backends[0], folder, timeout_s)
    for number, backend in enumerate(backends[1:], 2):
        environ = replica(environ, number, backend, timeout_s)
    return environ
