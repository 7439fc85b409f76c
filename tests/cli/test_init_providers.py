"""`init` with more than one provider of a kind: questions, texts and keys are those of the chosen ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ert_deploy.app.project import Question, draft_project
from ert_deploy.cli import main
from ert_deploy.config import load, providers
from ert_deploy.config.providers import RENDER, VAST, Host, Provider
from ert_deploy.config.schema import json_schema, keys, walk

CLOUD = Provider("acme", "Acme GPUs", "https://gpu.acme.example", "ACME_API_KEY")
HOST = Host("shore", "Shore", "https://api.shore.example", "SHORE_TOKEN", "SHORE", "app-", "[0-9]{4}", "app-0001")
IMAGE = ("--image", "ghcr.io/me/ert-llm-backend:0.1.0")


@pytest.fixture(autouse=True)
def two_of_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(providers, "GPU_CLOUDS", (VAST, CLOUD))
    monkeypatch.setattr(providers, "WEB_HOSTS", (RENDER, HOST))
    root = keys.root((VAST, CLOUD), (RENDER, HOST))
    for module in (keys, walk, json_schema):
        monkeypatch.setattr(module, "ROOT", root)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", "mine", "--defaults", *IMAGE, *words])
    return int(ended.value.code or 0)


def test_a_made_up_host_and_cloud_are_written_with_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--web", "shore", "--gpu", "acme", "--service", "shop") == 0
    said = capsys.readouterr()
    assert "export ACME_API_KEY=... SHORE_TOKEN=..." in said.err
    text = Path("configs/mine.yaml").read_text()
    assert "VAST" not in text + said.err
    assert "RENDER" not in text + said.err
    assert "render" not in text + said.out
    assert not Path("render.yaml").exists(), "it has no Blueprint"
    found = load(Path("configs/mine.yaml"))
    assert (found.gpu.provider, found.web.provider) == (CLOUD, HOST)
    assert found.desired.targets[0].service == "shop"
    assert yaml.safe_load(text)["shore"]["services"] == [{"name": "shop"}]


def test_written_anew_it_stays_with_its_providers() -> None:
    assert run("--web", "shore", "--service", "shop") == 0
    assert run("--force", "--max-dph", "0.5") == 0
    found = load(Path("configs/mine.yaml"))
    assert (found.gpu.provider, found.web.provider) == (VAST, HOST)
    assert found.desired.targets[0].service == "shop"


def test_the_questions_are_asked_in_the_words_of_the_chosen_host() -> None:
    asked: dict[str, str] = {}

    def ask(question: Question, default: str) -> str:
        asked[question.name] = question.why
        assert question.refusal("nowhere" if question.name == "web" else default) == (
            "'nowhere' is not one of render, shore" if question.name == "web" else ""
        )
        return "shore" if question.name == "web" else default

    draft_project("mine", {"image": IMAGE[1]}, ask=ask)
    vast_or = "vast for Vast.ai, acme for Acme GPUs, external for a server that you have already"
    assert asked["gpu"] == f"The GPU cloud: {vast_or}."
    assert asked["web"] == "The web host: render for Render, shore for Shore."
    assert asked["service"] == "The exact name of your web service at Shore."
    assert not {"repo", "root", "build", "start", "region"} & asked.keys()
    assert "Render" not in "".join(text for name, text in asked.items() if name != "web")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--web", "shore", "--region", "frankfurt"), "--region is not a setting of Shore"),
        (("--web", "nowhere"), "--web: 'nowhere' is not one of render, shore"),
    ],
)
def test_what_the_host_does_not_have_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_with_one_web_host_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    asked: list[str] = []

    def ask(question: Question, default: str) -> str:
        asked.append(question.name)
        return default

    draft_project("mine", {"image": IMAGE[1]}, ask=ask)
    assert "web" not in asked
    assert asked[0] == "gpu", "there is always a server that is not rented"
    assert "region" in asked
