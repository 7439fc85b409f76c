"""`ert-deploy init` for an app on a server that is already there: asked, given, learned, and what it rejects."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ert_deploy.app.project import Question, draft_project
from ert_deploy.cli import main
from ert_deploy.config import load
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.core.model.app.external import External

SERVER = ("--url", "https://llm.example.org/v1", "--model", "qwen3:8b")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("ERT_CONFIG", raising=False)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["init", *args])
    return int(ended.value.code or 0)


def server(name: str = "shop") -> External:
    found = load(Path(f"configs/{name}.yaml")).desired.external
    assert found is not None
    return found


def test_an_address_alone_makes_a_config_without_anything_to_rent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("shop", "--defaults", *SERVER) == 0
    said = capsys.readouterr()
    assert server() == External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY")
    text = Path("configs/shop.yaml").read_text()
    assert set(yaml.safe_load(text)) == {"deployment", "owner", "providers", "external", "render"}
    assert "VAST" not in text + said.err
    assert "image" not in said.err
    assert "export EXTERNAL_API_KEY=... RENDER_API_KEY=...   # RENDER_API_KEY: or render/key/file names" in said.err
    assert "ert-deploy up -c shop" in said.err
    assert max(len(line) for line in text.splitlines()) <= 120


def test_the_blueprint_is_of_an_app_of_one_s_own_with_the_variable_of_the_model() -> None:
    assert run("shop", "--defaults", *SERVER) == 0
    text = Path("render.yaml").read_text()
    (service,) = yaml.safe_load(text)["services"]
    assert lint(text) == []
    assert (service["name"], service["startCommand"]) == ("shop", "gunicorn --bind 0.0.0.0:$PORT app:app")
    assert "dashboard" not in str(service)
    assert {"key": "ERT_LLM_MODEL", "sync": False} in service["envVars"]


def test_a_server_without_keys_or_with_a_certificate_and_variable_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("shop", "--defaults", *SERVER, "--key-variable", "none") == 0
    assert server().variable == ""
    assert "export RENDER_API_KEY=..." in capsys.readouterr().err
    Path("lab.pem").write_text("a certificate")
    assert run("lab", "--defaults", *SERVER, "--key-variable", "EXTERNAL_LAB_KEY", "--ca", "lab.pem", "--force") == 0
    settings = load(Path("configs/lab.yaml"))
    assert (server("lab").variable, settings.external_ca) == ("EXTERNAL_LAB_KEY", Path("lab.pem"))


def test_the_questions_are_those_of_a_server() -> None:
    asked: dict[str, str] = {}
    answers = {"gpu": "external", "url": "https://llm.example.org", "model": "qwen3:8b"}

    def ask(question: Question, default: str) -> str:
        asked[question.name] = question.why
        assert question.refusal(answers.get(question.name, default)) == ""
        return answers.get(question.name, default)

    draft = draft_project("shop", {}, ask=ask)
    assert asked["gpu"] == "The GPU cloud: vast for Vast.ai, external for a server that you have already."
    assert {"url", "model", "key_variable", "ca"} <= asked.keys()
    assert not {"image", "gpu_ram", "max_dph"} & asked.keys()
    assert (draft.placeholder, draft.keys) == (False, ("EXTERNAL_API_KEY", "RENDER_API_KEY"))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env.example", "# the model\nOPENAI_BASE_URL=https://llm.example.org/v1\nOPENAI_MODEL=qwen3:8b\n"),
        (".env", "export OPENAI_API_BASE='https://llm.example.org/v1'\nOPENAI_API_KEY=sk-secret-0123456789abcdef\n"
                 'OPENAI_MODEL="qwen3:8b"\n'),
        ("render.yaml", "services:\n- type: web\n  name: shop\n  runtime: python\n  envVars:\n"
                        "  - {key: OPENAI_BASE_URL, value: https://llm.example.org/v1}\n"
                        "  - {key: OPENAI_MODEL, value: 'qwen3:8b'}\n"),
    ],
)  # fmt: skip
def test_the_server_that_the_app_has_already_is_suggested(
    file: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(file).write_text(text)
    assert run("shop", "--defaults", "--gpu", "external") == 0
    assert server() == External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY")
    said = capsys.readouterr()
    assert "sk-secret" not in said.out + said.err + Path("configs/shop.yaml").read_text()


def test_what_cannot_be_used_is_not_suggested_and_nothing_changes_unasked() -> None:
    Path(".env").write_text("OPENAI_BASE_URL=http://localhost:8000/v1\nOPENAI_MODEL=a b\n")
    assert run("shop", "--defaults", "--gpu", "external") == 2
    Path(".env").write_text("OPENAI_BASE_URL=https://llm.example.org/v1\nOPENAI_MODEL=qwen3:8b\n")
    assert run("shop", "--defaults") == 0
    assert load(Path("configs/shop.yaml"), draft=True).desired.external is None


def test_written_anew_it_stays_on_its_server_and_moves_to_a_rented_machine_when_asked() -> None:
    Path("lab.pem").write_text("a certificate")
    assert run("shop", "--defaults", *SERVER, "--ca", "lab.pem", "--service", "web") == 0
    assert run("shop", "--defaults", "--force", "--model", "qwen3:14b") == 0
    assert server() == External("https://llm.example.org", "qwen3:14b", "EXTERNAL_API_KEY")
    assert load(Path("configs/shop.yaml")).external_ca == Path("lab.pem")
    assert run("shop", "--defaults", "--force", "--gpu", "vast") == 0
    found = load(Path("configs/shop.yaml"), draft=True).desired
    assert (found.external, found.launch.model, found.targets[0].service) == (None, "gpt-oss:20b", "web")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gpu", "external", "--model", "qwen3:8b"), "--url is needed with an external server"),
        (("--url", "https://llm.example.org"), "--model is needed with an external server"),
        (("--url", "http://llm.example.org", "--model", "m"), "is not an https address (over plain http anybody"),
        (("--url", "http://127.0.0.1:80", "--model", "m"), "is not an https address (over plain http anybody"),
        (("--url", "https://x.org/v1/chat/completions", "--model", "m"), "a route (only the part up to /v1)"),
        (("--url", "https://x.org/api/models", "--model", "m"), "a route (only the part up to /v1)"),
        ((*SERVER, "--ca", "nope.pem"), "--ca: there is no file 'nope.pem'"),
        (("--url", "https://127.0.0.1:8000", "--model", "m"), "cannot reach this machine"),
        ((*SERVER, "--gpu", "vast"), "--url is not a setting of Vast.ai"),
        ((*SERVER, "--max-dph", "0.4"), "--max-dph is not a setting of an external server"),
        ((*SERVER, "--key-variable", "OPENAI_API_KEY"), "EXTERNAL_"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("shop", "--defaults", *words) == 2
    assert said in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_a_key_given_in_place_of_its_variable_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    key = "sk-0123456789abcdefABCDEF0123456789"
    assert run("shop", "--defaults", *SERVER, "--key-variable", key) == 2
    said = capsys.readouterr()
    assert key not in said.out + said.err
    assert "the key itself is never in a config" in said.err


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("OPENAI_BASE_URL=http://llm.example.org/v1", "is not an https address"),
        ("OPENAI_BASE_URL=https://me:pa55word@llm.example.org/v1", "it holds more than an address"),
    ],
)
def test_why_an_address_of_the_app_is_not_used_is_told(line: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text(f"{line}\nOPENAI_MODEL=m\n")
    assert run("shop", "--defaults", "--gpu", "external") == 2
    said = capsys.readouterr().err
    assert "--url is needed" in said
    assert "that in .env is not used: " in said
    assert why in said
    assert "pa55word" not in said


def test_the_file_in_use_comes_before_its_sample_and_comments_are_left_out() -> None:
    Path(".env.example").write_text("OPENAI_BASE_URL=https://sample.example.org/v1\nOPENAI_MODEL=sample\n")
    Path(".env").write_text("OPENAI_BASE_URL=https://llm.example.org/v1   # ours\nOPENAI_MODEL='m' # too\n")
    assert run("shop", "--defaults", "--gpu", "external") == 0
    assert server() == External("https://llm.example.org", "m", "EXTERNAL_API_KEY")


def test_a_server_that_could_be_used_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("OPENAI_BASE_URL=https://llm.example.org/v1\n")
    told = "the app's files name the server https://llm.example.org/v1: --gpu external has the app use it"
    assert run("shop", "--defaults") == 0
    assert told in capsys.readouterr().err
    assert run("shop", "--defaults") == 0
    assert told not in capsys.readouterr().err
    Path(".env").write_text("OPENAI_BASE_URL=https://localhost:8000/v1\n")
    assert run("other", "--defaults", "--no-blueprint") == 0
    assert "name the server" not in capsys.readouterr().err


def test_an_address_of_this_machine_is_refused_at_its_question() -> None:
    asked: list[str] = []

    def ask(question: Question, default: str) -> str:
        asked.append(question.name)
        if question.name == "url":
            assert "cannot reach this machine" in question.refusal("https://127.0.0.1:8000")
            assert question.refusal("https://llm.example.org") == ""
        answers = {"gpu": "external", "url": "https://llm.example.org", "model": "m"}
        return answers.get(question.name, default)

    Path(".env").write_text("OPENAI_BASE_URL=https://localhost:8000/v1\n")
    draft_project("shop", {}, ask=ask)
    assert "url" in asked
