"""Required contents of the image's Dockerfile."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from ert_backend.engine import sbom, trim

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


def test_one_cuda_family_is_copied_and_the_driver_is_found_where_it_is_mounted() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "COPY --from=engine /usr/lib/ollama" in final
    assert "--from=ollama" not in final
    assert "LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64" in final
    assert re.search(r"^ARG CUDA=12$", DOCKERFILE, re.MULTILINE)
    assert "ert_backend.engine.sbom /usr/share/ert/sbom.cdx.json" in final


def upstream(folder: Path) -> Path:
    """Create the libraries in the layout of the upstream image."""
    for name in ("cuda_v12", "cuda_v13", "cuda_jetpack6", "mlx_cuda_v13", "vulkan"):
        (folder / name).mkdir()
        (folder / name / "libggml.so").write_text(name)
    for name in ("libggml-base.so", "libggml-cpu-haswell.so", "libggml-vulkan.so", "llama-server"):
        (folder / name).write_text(name)
    (folder / "libvulkan.so.1").symlink_to("libggml-vulkan.so")
    return folder


def test_what_is_kept_of_the_engine_s_libraries(tmp_path: Path) -> None:
    folder = upstream(tmp_path)
    assert trim.main([str(folder), "12"]) == 0
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "cuda_v12", "libggml-base.so", "libggml-cpu-haswell.so", "llama-server"
    ]  # fmt: skip


def test_a_family_that_is_not_there_ends_the_build_and_removes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = upstream(tmp_path)
    before = sorted(folder.iterdir())
    for family in ("14", "", "12/../cuda_v13x"):
        assert trim.main([str(folder), family]) == 1
    assert "has no cuda_v14; it has cuda_jetpack6, cuda_v12" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_the_bill_of_materials_is_cyclonedx_and_always_the_same() -> None:
    status = (
        "Package: libgomp1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    packages = [*sbom.python_packages(metadata.distributions()), *sbom.debian_packages(status)]
    bill = sbom.document("ollama/ollama:0.35.0@sha256:ab", "0.1.0", packages)
    assert bill == sbom.document("ollama/ollama:0.35.0@sha256:ab", "0.1.0", reversed(packages))
    parts = {str(part["bom-ref"]): part for part in cast(list[dict[str, Any]], bill["components"])}
    assert len(parts) == len(packages) + 1
    assert "pkg:deb/debian/libgomp1@12.2.0-14?arch=amd64" in parts
    assert not any("gone" in name for name in parts)
    assert parts["pkg:docker/ollama/ollama@sha256%3Aab"]["version"] == "0.35.0"
    assert any(name.startswith("pkg:pypi/fastapi@") for name in parts)
    assert parts[next(name for name in parts if name.startswith("pkg:pypi/pydantic@"))]["licenses"]
    schema = json.loads((Path(__file__).parent / "cyclonedx-1.6-subset.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(bill)
