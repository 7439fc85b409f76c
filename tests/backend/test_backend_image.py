"""What the image's recipe must say, whatever else changes in it."""

from __future__ import annotations

import re
from pathlib import Path

IMAGE = Path(__file__).parents[2] / "images" / "llm-backend"
DOCKERFILE = (IMAGE / "Dockerfile").read_text()


def test_exactly_one_port_is_exposed_because_vast_publishes_them_all() -> None:
    assert re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE) == ["8443"]


def test_ollama_is_on_loopback_copied_and_pinned() -> None:
    assert "OLLAMA_HOST=127.0.0.1:11434" in DOCKERFILE
    version = re.search(
        r"^ARG OLLAMA_IMAGE=ollama/ollama:(\d+)\.(\d+)\.(\d+)@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE
    )
    assert version is not None
    assert tuple(map(int, version.groups())) >= (0, 35, 0)
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert final.startswith("${BASE}\n")
    assert "FROM ${OLLAMA_IMAGE} AS ollama\n" in DOCKERFILE
    assert re.search(r"^ARG BASE=python:\d+\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)


def test_it_runs_as_nobody_special_and_starts_the_guard() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert 'ENTRYPOINT ["python", "-m", "ert_backend.guard"]' in DOCKERFILE


def test_the_legacy_builder_can_read_it() -> None:
    assert not re.search(r"^# ?syntax=|--mount|<<", DOCKERFILE, re.MULTILINE)


def test_no_secret_and_no_key_is_baked_in() -> None:
    assert not re.search(r"API_KEY|SECRET|TOKEN|KEY_HASHES", DOCKERFILE)


def test_what_pip_installs_is_locked_by_hash() -> None:
    assert "--require-hashes" in DOCKERFILE
    lock = (IMAGE / "requirements.lock").read_text()
    direct = (IMAGE / "requirements.txt").read_text().split()
    assert all(f"{line} \\\n" in lock for line in direct)
    pinned = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in entry for entry in pinned)


def test_requirements_are_exact() -> None:
    lines = (IMAGE / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", line) for line in lines)
    known = re.compile(
        r"^(?:from|import) (fastapi|uvicorn|aiohttp|pydantic|cryptography|h11|prometheus_client)\b", re.MULTILINE
    )
    imported = {name for path in (IMAGE / "ert_backend").rglob("*.py") for name in known.findall(path.read_text())}
    assert imported == {line.partition("==")[0].replace("-", "_") for line in lines}


def test_the_image_shares_no_code_with_the_tool_that_rents_the_machine() -> None:
    assert not [path.name for path in (IMAGE / "ert_backend").rglob("*.py") if "ert_deploy" in path.read_text()]
