"""`ert-deploy init` over a config that is there: its values are the defaults, and all else in it stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ert_deploy.app.project import Question, draft_project
from ert_deploy.cli import main
from ert_deploy.config import load
from ert_deploy.config.scaffold.kept import with_kept

RENTED = ("--image", "ghcr.io/me/b:1", "--max-dph", "0.4", "--model", "mistral:7b")
SERVER = ("--url", "https://llm.example.org/v1", "--model", "a/b-8b", "--ca", "my-ca.pem")
CONFIG = Path("configs/s.yaml")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("ERT_CONFIG", raising=False)
    Path("my-ca.pem").write_text("a certificate")


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", "s", "--defaults", *args])
    return int(ended.value.code or 0)


def append(text: str) -> None:
    CONFIG.write_text(CONFIG.read_text() + text)


def test_there_and_back_again_nothing_of_either_kind_is_lost() -> None:
    assert run(*RENTED, "--service", "web", "--root", ".") == 0
    append("\n# How often it looks.\ntimings:\n  poll: 5s    # fast\n\nstate: .ert/mine.json\n")
    CONFIG.write_text(CONFIG.read_text().replace("offer:\n", "offer:\n  countries: [DE, NL]\n  # not slower\n"))
    rented = yaml.safe_load(CONFIG.read_text())
    assert run("--force", *SERVER, "--key-variable", "EXTERNAL_LLM") == 0
    text = CONFIG.read_text()
    assert "# How often it looks.\ntimings:\n  poll: 5s    # fast\n" in text
    on_server = yaml.safe_load(text)
    assert on_server == rented | {
        "providers": {"gpu": "external"},
        "external": {"url": SERVER[1], "model": "a/b-8b", "key": "EXTERNAL_LLM", "ca": "my-ca.pem"},
    }
    assert run("--force", "--gpu", "vast") == 0
    back = yaml.safe_load(CONFIG.read_text())
    assert back == rented | {"external": on_server["external"]}
    assert run("--force", "--gpu", "external") == 0
    assert yaml.safe_load(CONFIG.read_text()) == on_server
    assert load(CONFIG).desired.timings.poll == 5.0
    before = CONFIG.read_text()
    assert run() == 0, "nothing changes any more"
    assert CONFIG.read_text() == before


def test_further_services_and_the_keys_of_the_first_one_stay_and_an_answer_wins() -> None:
    assert run(*RENTED, "--gpu-ram", "16GB", "--service", "web", "--region", "frankfurt") == 0
    text = CONFIG.read_text().replace(
        "        region: frankfurt\n", "        region: frankfurt\n        plan: standard\n"
    )
    CONFIG.write_text(
        text + "      address: https://shop.example.org  # public\n    - name: second\n      owned: {url: BACK}\n"
    )
    before = yaml.safe_load(CONFIG.read_text())
    assert run("--force", "--gpu-ram", "24GB", "--region", "oregon") == 0
    found = yaml.safe_load(CONFIG.read_text())
    assert "gpu_ram" not in found["offer"], "the default was asked for"
    first, second = found["render"]["services"]
    assert first == {"name": "web", "blueprint": {"plan": "standard"}, "address": "https://shop.example.org"}
    assert second == before["render"]["services"][1]
    assert "https://shop.example.org  # public" in CONFIG.read_text()


def test_in_a_sandbox_an_address_of_this_machine_is_accepted_as_the_config_says() -> None:
    assert run(*RENTED) == 0
    append("sandbox: {speed: 20}\n")
    asked: list[str] = []

    def ask(question: Question, default: str) -> str:
        asked.append(question.name)
        answers = {"gpu": "external", "url": "https://localhost:18443/v1", "model": "m"}
        answer = answers.get(question.name, default)
        assert question.refusal(answer) == ""
        return answer

    draft = draft_project("s", {}, ask=ask)
    assert "url" in asked
    assert "sandbox: {speed: 20}" in draft.files[CONFIG]


def test_of_a_config_that_is_not_valid_only_valid_answers_stay() -> None:
    assert run(*RENTED) == 0
    append("timing: {poll: 5s}\n")
    assert run("--force") == 0
    assert "timing" not in CONFIG.read_text()
    assert load(CONFIG).desired.criteria.max_dph == 0.4


@pytest.mark.parametrize(
    ("earlier", "kept"),
    [
        ("a: {b: 1, c: {d: 2}}", {"a": {"b": 0, "c": {"d": 2}}}),
        ("a:\n  b: 1\n  c: |\n    one\n     two\n# next\nz: 3", {"a": {"b": 0, "c": "one\n two\n"}, "z": 3}),
        ("a:\n    b: 1\n    c:\n      - x\n      - y: 1\n        z: 2", {"a": {"b": 0, "c": ["x", {"y": 1, "z": 2}]}}),
        ("a: {gone: 1}\nx:", {"a": {"b": 0}, "x": None}),
        ("p: {gone: 1, stays: 2}\nq: {gone: 1}", {"a": {"b": 0}, "p": {"stays": 2}}),
        ('a: {"c": "x\n  y"}', {"a": {"b": 0, "c": "x y"}}),
        ("a: text", {"a": {"b": 0}}),
        ("x: &one 1\ny: *one", {"a": {"b": 0}}),
        ("x: [", {"a": {"b": 0}}),
        ("", {"a": {"b": 0}}),
        ("# nothing", {"a": {"b": 0}}),
    ],
)  # fmt: skip
def test_what_the_new_text_lacks_is_copied_however_it_is_written(earlier: str, kept: object) -> None:
    made = with_kept("a:\n  b: 0\n", earlier, {"a/gone", "p/gone", "q/gone"})
    assert yaml.safe_load(made) == kept
