"""`ert-deploy image`: its output, and its changes to the config."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.cli import main
from tests.support.doubles.docker_engine_api import DIGEST, FakeEngine

SAMPLE = (Path(__file__).parents[2] / "configs" / "ert.yaml").read_text().replace("YOUR-DEPLOYMENT", "ert")
TAG = "r.example/me/ert-llm-backend:0.1.0"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with FakeEngine() as double:
        monkeypatch.setenv("DOCKER_HOST", double.host)
        yield double


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["image", *args])
    return int(ended.value.code or 0)


def test_build_then_push_records_the_digest_and_shows_the_difference(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "my.yaml"
    config.write_text(SAMPLE)
    assert run("build", "--tag", TAG, "--build-arg", "OLLAMA_IMAGE=ollama/ollama@sha256:" + "1" * 64) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{TAG} is built, 3.3 GB unpacked")
    assert "Step 1/2" in shown.err
    assert "ert_backend/guard/__main__.py" in engine.built[0][1]
    assert run("push", "--tag", TAG, "-c", str(config)) == 0
    shown = capsys.readouterr()
    pinned = f"r.example/me/ert-llm-backend@{DIGEST}"
    assert shown.out == f"{pinned}\n"
    assert f"+  image: {pinned}" in shown.err
    assert f"image: {pinned} " in config.read_text()


def test_a_build_says_how_large_each_layer_is(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build", "--tag", TAG) == 0
    first, *layers = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{TAG} is built")
    assert layers == ["       2.0 MB  apt-get update", "     812.0 MB  COPY dir:0f in /usr/lib/ollama"]
    assert run("build", "--tag", TAG, "--json") == 0
    told = json.loads(capsys.readouterr().out)["layers"]
    assert [layer["bytes"] for layer in told] == [2_000_000, 812_000_000]


def test_the_bill_of_materials_is_handed_out(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", "--tag", TAG, "--sbom", "bill.json") == 0
    assert json.loads((tmp_path / "bill.json").read_text()) == {"bomFormat": "CycloneDX"}
    assert engine.containers == 0
    engine.bill = None
    assert run("build", "--tag", TAG, "--sbom", "none.json") == 1
    assert not (tmp_path / "none.json").exists()
    assert engine.containers == 0


def test_a_bill_of_materials_that_cannot_be_written_is_said(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", "--tag", TAG, "--sbom", "nowhere/bill.json") == 1
    assert "error: nowhere/bill.json cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(("oldest", "family"), [("12.4", "12"), ("12.9", "12"), ("13", "13"), ("13.1", "13")])
def test_the_libraries_are_those_that_every_host_of_the_config_can_run(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], oldest: str, family: str
) -> None:
    text = SAMPLE.replace("ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0", TAG)
    (tmp_path / "my.yaml").write_text(text.replace("min_cuda: 12.4", f"min_cuda: {oldest}"))
    assert run("build", "-c", "my.yaml") == 0
    assert run("build", "-c", "my.yaml", "--tag", TAG) == 0
    for query, _ in engine.built:
        assert json.loads(query["buildargs"][0]) == {"CUDA": family}
    assert run("build", "-c", "my.yaml", "--build-arg", "CUDA=13") == (0 if family == "13" else 2)
    assert ("offer/min_cuda is" in capsys.readouterr().err) == (family == "12")


def test_json_is_one_document_on_stdout(engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build", "--tag", TAG, "--json") == 0
    assert json.loads(capsys.readouterr().out)["image"] == TAG
    assert run("push", "--tag", TAG, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["digest"], shown["config"]) == (DIGEST, None)


def test_a_config_that_cannot_take_the_digest_is_said_before_the_push(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.images.add(TAG)
    (tmp_path / "my.yaml").write_text("deployment: x\n")
    assert run("push", "--tag", TAG, "-c", "my.yaml") == 2
    assert engine.pushed == []
    assert "no launch/image" in capsys.readouterr().err


def test_with_no_record_the_config_stays(engine: FakeEngine, tmp_path: Path) -> None:
    engine.images.add(TAG)
    (tmp_path / "my.yaml").write_text(SAMPLE)
    assert run("push", "--tag", TAG, "-c", "my.yaml", "--no-record") == 0
    assert (tmp_path / "my.yaml").read_text() == SAMPLE


def test_the_image_of_the_config_is_the_default_unless_it_is_a_digest(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "my.yaml"
    config.write_text(SAMPLE.replace("ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0", TAG))
    assert run("build", "-c", "my.yaml") == 0
    assert run("push", "-c", "my.yaml") == 0
    assert DIGEST in config.read_text()
    assert run("push", "-c", "my.yaml") == 2
    assert "give --tag" in capsys.readouterr().err


def test_an_argument_that_the_dockerfile_does_not_have_is_refused(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", "--tag", TAG, "--build-arg", "API_KEY=canary-secret") == 2
    assert engine.built == []
    assert "canary-secret" not in capsys.readouterr().err


def test_help_does_not_load_the_docker_package() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from ert_deploy.cli import main\ntry: main(['image', 'push', '--help'])\nexcept SystemExit: pass\n"
    )
    code += "assert not {'docker', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=30)
