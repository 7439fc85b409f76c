"""`ert-deploy init`: creates a complete, valid project from prompts, and never overwrites files."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_deploy.cli import main
from ert_deploy.config import load
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.scaffold.detect import web_address
from ert_deploy.config.scaffold.template import questions
from ert_deploy.core.model.owner import OWNER

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
SCHEMA = SHARED / "contracts" / "render-yaml-schema.json"
OWN = ("--image", "ghcr.io/me/ert-llm-backend:0.1.0")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("ERT_CONFIG", raising=False)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def service() -> dict[str, Any]:
    (found,) = yaml.safe_load(Path("render.yaml").read_text())["services"]
    return dict(found)


@pytest.mark.contract
@pytest.mark.skipif(not SCHEMA.is_file(), reason="the published contracts are not beside the repository")
@pytest.mark.parametrize("given", [(), ("--root", "apps/web", "--start", "npm start", "--repo", "https://x.org/a/b")])
def test_the_blueprint_of_a_new_project_is_what_render_s_own_schema_takes(
    given: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    assert run("init", "--defaults", *given) == 0
    capsys.readouterr()
    assert run("render-yaml") == 0
    printed = capsys.readouterr().out
    assert printed == Path("render.yaml").read_text()
    schema = json.loads(SCHEMA.read_text())
    assert [
        error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(printed))
    ] == []
    assert lint(printed) == []


def test_without_questions_the_image_is_left_to_be_put_in_and_nothing_can_be_rented(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("init", "--defaults") == 0
    said = capsys.readouterr()
    written = ("configs/ert.yaml", "render.yaml", "configs/ert-deploy.schema.json")
    assert said.out.splitlines() == [f"wrote {file}" for file in written]
    assert "launch/image" in said.err
    monkeypatch.setenv("VAST_API_KEY", "v" * 32)
    monkeypatch.setenv("RENDER_API_KEY", "rnd_" + "r" * 20)
    assert run("up") == 2
    assert "placeholder" in capsys.readouterr().err
    assert not Path(".ert").exists()


def test_what_is_written_is_a_config_and_holds_only_what_differs() -> None:
    assert run("init", "my-app", "--defaults", *OWN, "--service", "my app: 2", "--max-dph", "0.45") == 0
    text = Path("configs/my-app.yaml").read_text()
    settings = load(Path("configs/my-app.yaml"))
    assert (settings.desired.deployment, settings.desired.criteria.max_dph) == ("my-app", 0.45)
    assert settings.desired.targets[0].service == "my app: 2"
    assert OWNER.fullmatch(settings.desired.owner)
    assert set(yaml.safe_load(text)) == {"deployment", "owner", "launch", "offer", "render"}
    assert "--reference" in text
    assert service()["name"] == "my app: 2"
    assert max(len(line) for line in text.splitlines()) <= 120


def test_an_owner_is_random_and_stays_when_a_config_is_begun_anew() -> None:
    for name in ("one", "two"):
        assert run("init", name, "--defaults", *OWN, "--force") == 0
    first, second = (load(Path(f"configs/{name}.yaml")).desired.owner for name in ("one", "two"))
    assert first != second
    assert run("init", "one", "--defaults", *OWN, "--force", "--max-dph", "0.33") == 0
    assert load(Path("configs/one.yaml")).desired.owner == first, "what runs must not lose its owner"


HOSTILE = ("no", 'a" {b} #c', "{{ x }}", "a: b", "- x", "&x", "", "\n", "1:30", "é", "x" * 5000, "!!python/object:x")


@pytest.mark.parametrize(
    "question", [q for q in questions() if q.name not in ("region", "model")], ids=lambda q: q.name
)
def test_hostile_answers_stay_answers_or_are_refused(question: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flag = f"--{question.name.replace('_', '-')}"
    for answer in (
        "no",
        'a" {b} #c',
        "{{ x }}",
        "a: b",
        "- x",
        "&x",
        "",
        "\n",
        "1:30",
        "é",
        "x" * 5000,
        "!!python/object:x",
    ):
        code = run("init", "--defaults", "--force", flag, answer)
        said = capsys.readouterr().err
        assert code in (0, 2), said
        assert "Traceback" not in said
        if code == 2:
            assert flag in said
        else:
            load(Path("configs/ert.yaml"), draft=True)
            assert lint(Path("render.yaml").read_text()) == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--max-dph", "cheap"), "--max-dph: 'cheap' is not a plain number"),
        (("--max-dph", ".nan"), "is not a finite number"),
        (("--deployment", "My_App"), "--deployment: 'My_App' is not a deployment's name"),
        (("--image", "me/x:latest"), "--image: 'me/x:latest' moves"),
        (("--region", "frankfort"), "did you mean frankfurt?"),
        (("--model", "llama3.2:8b"), "launch/model: the model llama3.2:8b is not known"),
        (("--root", "../up"), "--root: '../up' is not a folder"),
        (("--start", "KEY=rnd_abcdefghijklmnopqrst x"), "similar to a key"),
        (("--repo", "https://me:hunter22@example.org/a/b"), "keys belong into environment variables"),
        (("a/b",), "'a/b' cannot be the name of a config"),
        (("--api-key", "x"), "No such option"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_bad_answers_are_said_in_a_line_and_nothing_is_written(
    args: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", "--defaults", *args) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "hunter22" not in said
    assert "abcdefgh" not in said
    assert list(Path().iterdir()) == []


def test_what_is_there_is_shown_as_a_diff_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "--defaults") == 0
    there = Path("configs/ert.yaml")
    there.write_text(there.read_text() + "# mine, rnd_abcdefghijklmnopqrst\n")
    kept = there.read_text()
    capsys.readouterr()
    assert run("init", "--defaults") == 2
    said = capsys.readouterr().err
    assert "-# mine, ***" in said
    assert "--force" in said
    assert there.read_text() == kept
    assert run("init", "--defaults", "--force") == 0
    assert "# mine" not in there.read_text()
    found = sorted(path.name for path in there.parent.iterdir())
    assert found == ["ert-deploy.schema.json", "ert.yaml", "ert.yaml.bak"], "no half file"
    assert Path("configs/ert.yaml.bak").read_text() == kept


def test_beginning_twice_alike_changes_nothing() -> None:
    assert run("init", "--defaults", *OWN) == 0
    before = Path("configs/ert.yaml").read_bytes(), Path("render.yaml").read_bytes()
    assert run("init", "--defaults", *OWN) == 0
    assert before == (Path("configs/ert.yaml").read_bytes(), Path("render.yaml").read_bytes())


@pytest.mark.parametrize("there", ["folder", "fifo", "dangling", "file for a folder", "binary"])
def test_odd_things_in_the_way_are_named(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    match there:
        case "folder":
            Path("render.yaml").mkdir()
        case "fifo":
            os.mkfifo("render.yaml")
        case "dangling":
            Path("render.yaml").symlink_to("nowhere")
        case "binary":
            Path("render.yaml").write_bytes(b"\xff\xfe\x00")
        case _:
            Path("configs").write_text("a file")
    assert run("init", "--defaults", "--force") == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "render.yaml" in said or "configs" in said


def test_an_app_of_one_s_own_is_recognised_with_its_remote() -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    remote = "https://me:hunter22@github.com/me/my-app.git"
    subprocess.run(["git", "config", "remote.origin.url", remote], check=True)
    Path("requirements.txt").write_text("flask\n")
    assert run("init", "my-app", "--defaults") == 0
    assert service()["repo"] == "https://github.com/me/my-app"
    assert service()["startCommand"] == "gunicorn --bind 0.0.0.0:$PORT app:app"
    assert service()["name"] == "my-app"
    assert "hunter22" not in Path("render.yaml").read_text() + Path("configs/my-app.yaml").read_text()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:me/x.git", "https://github.com/me/x"),
        ("ssh://git@gitlab.com/a/b/c.git", "https://gitlab.com/a/b/c"),
        ("https://token@github.com/me/x", "https://github.com/me/x"),
        ("/srv/git/x", ""),
        ("file:///srv/x", ""),
        ("", ""),
    ],
)
def test_a_remote_as_render_takes_it(remote: str, address: str) -> None:
    assert web_address(remote) == address


def test_without_a_blueprint_and_only_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "--defaults", "--no-blueprint") == 0
    assert not Path("render.yaml").exists()
    capsys.readouterr()
    assert run("init", "--reference") == 0
    assert capsys.readouterr().out == (ROOT / "configs" / "ert.yaml").read_text()


def test_where_nobody_can_be_asked_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    command, env = [sys.executable, "-m", "ert_deploy.cli", "init"], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 2
    assert "no terminal to prompt on" in done.stderr
    assert "--defaults" in done.stderr


def test_on_a_terminal_each_question_is_explained_and_a_bad_answer_asked_again() -> None:
    answers = ["", "My App", "mine", OWN[1], *[""] * (len(questions()) - 2)]
    master, terminal = pty.openpty()
    command, env = [sys.executable, "-m", "ert_deploy.cli", "init"], {**os.environ, "PYTHONPATH": str(ROOT)}
    said = b""
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=env) as asked:
        os.close(terminal)
        while select.select([master], [], [], 30)[0]:
            try:
                said += os.read(master, 65536)
            except OSError:  # the child closed its terminal
                break
            if said.endswith(b"]: "):
                if not answers:
                    asked.kill()  # an unexpected prompt
                    break
                os.write(master, f"{answers.pop(0)}\n".encode())
        asked.wait(timeout=30)
    os.close(master)
    text = said.decode()
    assert asked.returncode == 0, text
    assert all(question.why in text for question in questions())
    assert "'My App' is not a deployment's name" in text
    assert "API_KEY=..." in text
    assert load(Path("configs/ert.yaml")).desired.deployment == "mine"
