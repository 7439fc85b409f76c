"""`ert-deploy init` in a project that is there already: what it learns, what it leaves alone, and what comes next."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ert_deploy.app.project import draft_project
from ert_deploy.cli import cli, main
from ert_deploy.config import load
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.scaffold.existing import merge
from ert_deploy.config.scaffold.frameworks import commands
from ert_deploy.config.scaffold.model_table import lines
from ert_deploy.core.model.desired import OwnedNames

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
SCHEMA = SHARED / "contracts" / "render-yaml-schema.json"
OWN = ("--image", "ghcr.io/me/ert-llm-backend:0.1.0")
SHOP = """\
# A project of its own
projects:
  - name: shop
    environments:
      - name: production
        services:
          - type: web
            name: shop-web
            runtime: docker
            region: frankfurt
            healthCheckPath: /up
            envVars:
              - key: DATABASE_URL
                fromDatabase: {name: shop-db, property: connectionString}
              - fromGroup: shop-shared   # the last one

          # the mails
          - type: worker
            name: mails
            runtime: docker
        databases:
          - name: shop-db
            plan: basic-256mb
"""
BARE = """\
services:
- type: web
  name: shop-web
  runtime: python
  startCommand: gunicorn shop:app
  healthCheckPath: /up"""
NAMES = OwnedNames().all()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("ERT_CONFIG", raising=False)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


@pytest.mark.parametrize("text", [SHOP, BARE], ids=["project", "without variables"])
def test_a_blueprint_that_is_there_stays_and_says_what_the_app_is(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("render.yaml").write_text(text)
    assert run("init", "my-app", "--defaults", *OWN) == 0
    said = capsys.readouterr()
    assert Path("render.yaml").read_text() == text
    assert "wrote configs/my-app.yaml" in said.out
    assert "wrote render.yaml" not in said.out
    (target,) = load(Path("configs/my-app.yaml")).desired.targets
    assert (target.service, target.health_path) == ("shop-web", "/up")
    assert "render.yaml stays: add these lines to envVars of shop-web" in said.err
    assert all(f"- key: {name}\n  sync: false\n" in said.err for name in NAMES)


@pytest.mark.contract
@pytest.mark.skipif(not SCHEMA.is_file(), reason="the published contracts are not beside the repository")
@pytest.mark.parametrize("text", [SHOP, BARE, "case"], ids=["project", "without variables", "a real one"])
def test_forced_the_variables_are_added_and_nothing_else_changes(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    if text == "case":
        text = (SHARED / "cases" / "11-blueprint-already-there" / "render.yaml").read_text()
    Path("render.yaml").write_text(text)
    assert run("init", "my-app", "--defaults", "--force", *OWN) == 0
    assert "wrote render.yaml" in capsys.readouterr().out
    made = Path("render.yaml").read_text()
    kept = iter(made.splitlines())
    assert all(line in kept for line in text.splitlines()), "a line is gone or elsewhere"
    assert len(made.splitlines()) - len(text.splitlines()) in (2 * len(NAMES), 2 * len(NAMES) + 1)
    schema = json.loads(SCHEMA.read_text())
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(made)))
    before = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text)))
    assert [error.message for error in errors] == [error.message for error in before]
    assert len(lint(made)) <= len(lint(text))
    assert run("init", "my-app", "--defaults", "--force", *OWN) == 0
    assert Path("render.yaml").read_text() == made


def test_the_variables_are_at_the_end_of_the_service_s_own_list() -> None:
    made = yaml.safe_load(merge(SHOP, "shop-web", NAMES).text or "")
    (environment,) = made["projects"][0]["environments"]
    web, worker = environment["services"]
    assert web["envVars"][2:] == [{"key": name, "sync": False} for name in NAMES]
    assert "envVars" not in worker
    assert environment["databases"] == yaml.safe_load(SHOP)["projects"][0]["environments"][0]["databases"]


@pytest.mark.parametrize(
    "text",
    [
        "services: [{type: web, name: shop-web, runtime: docker}]\n",
        BARE + "\n  envVars: []\n",
        BARE + "\n  envVars: [{key: A, value: b}]\n",
    ],
)
def test_where_a_line_has_no_place_it_is_left_to_the_user(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = merge(text, "shop-web", NAMES)
    assert made.found
    assert made.text is None
    Path("render.yaml").write_text(text)
    assert run("init", "my-app", "--defaults", "--force", *OWN) == 0
    assert Path("render.yaml").read_text() == text
    assert "render.yaml stays: add these lines to envVars of shop-web\n" in capsys.readouterr().err


def test_a_service_that_the_blueprint_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("render.yaml").write_text(SHOP)
    assert run("init", "my-app", "--defaults", "--service", "other", *OWN) == 0
    assert "it has no web service other" in capsys.readouterr().err
    assert Path("render.yaml").read_text() == SHOP


@pytest.mark.parametrize(
    ("files", "build", "start"),
    [
        (
            {"Procfile": "release: x\nweb:  gunicorn shop:app  \n"},
            "pip install -r requirements.txt",
            "gunicorn shop:app",
        ),
        ({"requirements.txt": "flask\n"}, "pip install -r requirements.txt", "gunicorn --bind 0.0.0.0:$PORT app:app"),
        (
            {"requirements.txt": "fastapi\n", "api.py": "from fastapi import FastAPI\nservice = FastAPI(title='x')\n"},
            "pip install -r requirements.txt",
            "uvicorn api:service --host 0.0.0.0 --port $PORT",
        ),
        (
            {"pyproject.toml": "[project]\n", "uv.lock": "", "wsgi.py": "application = Flask(__name__)\n"},
            "uv sync --frozen",
            "uv run gunicorn --bind 0.0.0.0:$PORT wsgi:application",
        ),
        (
            {"pyproject.toml": "", "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')"},
            "pip install .",
            "gunicorn --bind 0.0.0.0:$PORT shop.wsgi:application",
        ),
        (
            {"requirements.txt": "streamlit==1\n"},
            "pip install -r requirements.txt",
            "streamlit run app.py --server.address 0.0.0.0 --server.port $PORT",
        ),
        (
            {"requirements.txt": "uvicorn\n"},
            "pip install -r requirements.txt",
            "uvicorn main:app --host 0.0.0.0 --port $PORT",
        ),
        ({"package.json": '{"scripts": {"build": "next build"}}'}, "npm ci && npm run build", "npm start"),
        ({"package.json": "no json", "yarn.lock": ""}, "yarn --frozen-lockfile", "yarn start"),
        ({"Pipfile": "flask\n"}, "pipenv install", "pipenv run gunicorn --bind 0.0.0.0:$PORT app:app"),
        (
            {"poetry.lock": "", "pyproject.toml": ""},
            "poetry install",
            "poetry run gunicorn --bind 0.0.0.0:$PORT app:app",
        ),
    ],
)
def test_a_framework_is_recognised(files: dict[str, str], build: str, start: str) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    assert commands(Path()) == (build, start)
    assert run("init", "my-app", "--defaults", *OWN) == 0
    (service,) = yaml.safe_load(Path("render.yaml").read_text())["services"]
    assert (service["buildCommand"], service["startCommand"]) == (build, start)


def test_a_folder_without_an_app_says_nothing() -> None:
    Path("Procfile").write_bytes(b"web: \xff\n")
    Path("README").write_text("x")
    assert commands(Path()) is None


def asked(name: str, answer: str, **given: str) -> str:
    """Return the refusal of one value, after the given ones."""
    found: list[str] = []

    def ask(question: Any, default: str) -> str:
        if question.name == name:
            found.append(question.refusal(answer))
        return default

    draft_project("my-app", {"image": OWN[1], **given}, ask=ask)
    return found[0]


def test_rules_between_keys_are_told_at_the_answer_that_breaks_them() -> None:
    assert "do not hold gpt-oss:20b" in asked("gpu_ram", "12GB", model="gpt-oss:20b")
    assert asked("gpu_ram", "16GB", model="gpt-oss:20b") == ""
    assert asked("gpu_ram", "8GB", model="mistral:7b") == ""
    assert "exists in the sandbox only" in asked("model", "toy:0.5m")
    assert "not a size" in asked("gpu_ram", "12")


def test_the_budget_choice_is_in_the_config_and_explained_before_the_model() -> None:
    assert run("init", "my-app", "--defaults", "--gpu-ram", "16GB", *OWN) == 0
    assert load(Path("configs/my-app.yaml")).desired.criteria.min_gpu_ram_mb == 15000
    shown: dict[str, tuple[str, ...]] = {}

    def ask(question: Any, default: str) -> str:
        shown[question.name] = question.table
        return default

    draft_project("my-app", {}, ask=ask)
    assert shown["model"] == tuple(lines())
    assert not shown["gpu_ram"]
    assert max(len(line) for line in lines()) <= 78
    page = (ROOT / "docs" / "models.md").read_text()
    assert all(row.split()[0] in page for row in lines()[1:4])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "# ert-deploy: local state, and files that may hold keys\n.ert/\n*.key\n.env\n"),
        (
            "node_modules",
            "node_modules\n# ert-deploy: local state, and files that may hold keys\n.ert/\n*.key\n.env\n",
        ),
        ("/.ert\n.env\n*.key\n", "/.ert\n.env\n*.key\n"),
    ],
)
def test_state_and_keys_are_ignored_by_git(before: str | None, after: str) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    if before is not None:
        Path(".gitignore").write_text(before)
    for _ in range(2):
        assert run("init", "my-app", "--defaults", *OWN) == 0
        assert Path(".gitignore").read_text() == after


def test_a_gitignore_that_cannot_be_read_stays(tmp_path: Path) -> None:
    Path(".gitignore").write_bytes(b"\xff\n")
    assert run("init", "my-app", "--defaults", *OWN) == 0
    assert Path(".gitignore").read_bytes() == b"\xff\n"


def test_the_next_commands_are_accepted_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "config", "remote.origin.url", "git@github.com:Me/shop.git"], check=True)
    Path("requirements.txt").write_text("flask\n")
    assert run("init", "my-app", "--defaults") == 0
    said = capsys.readouterr().err.partition("next:\n")[2].splitlines()
    written = [shlex.split(line)[1:] for line in said if line.startswith("  ert-deploy ")]
    assert [words[0] for words in written] == ["image", "image", "plan", "up"]
    assert all("ghcr.io/me/ert-llm-backend:0.1.0" in words for words in written[:2])
    for words in written:
        context, rest = click.Context(cli), words
        command: click.Command = cli
        while isinstance(command, click.Group):
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
        command.make_context(words[0], list(rest), parent=context)


def test_a_config_that_is_written_anew_keeps_what_it_said_and_a_copy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "shop", "--defaults", *OWN, "--gpu-ram", "16GB", "--health-path", "/up") == 0
    config = Path("configs/shop.yaml")
    first = config.read_text().replace("owner: ", 'owner: "', 1)
    first = "\n".join(f'{line}"' if line.startswith('owner: "') else line for line in first.splitlines()) + "\n# mine\n"
    config.write_text(first)
    config.chmod(0o600)
    owner = load(config).desired.owner
    for number, price in enumerate(("0.51", "0.52")):
        capsys.readouterr()
        assert run("init", "shop", "--defaults", "--force", "--max-dph", price) == 0
        said = capsys.readouterr().err
        assert f"+  max_dph: {price}" in said, "what changes is shown"
        assert f"as it was is kept as configs/shop.yaml.bak{'.1' if number else ''}" in said
    found = load(config).desired
    assert (found.launch.image, found.criteria.min_gpu_ram_mb, found.criteria.max_dph) == (OWN[1], 15000, 0.52)
    assert (found.targets[0].health_path, found.owner) == ("/up", owner)
    copy = Path("configs/shop.yaml.bak")
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == (first, 0o600)
    assert "0.51" in Path("configs/shop.yaml.bak.1").read_text(), "an earlier copy is never overwritten"


def test_without_an_option_a_config_that_is_there_is_its_own_default() -> None:
    assert run("init", "shop", "--defaults", *OWN, "--max-dph", "0.33", "--region", "frankfurt") == 0
    before = Path("configs/shop.yaml").read_text()
    assert run("init", "shop", "--defaults") == 0
    assert Path("configs/shop.yaml").read_text() == before
    assert not list(Path("configs").glob("*.bak*"))


@pytest.mark.parametrize("text", ["owner: oabc12345\nlaunch: [", "owner:   'oabc12345'  # mine\n\tx\n"])
def test_of_a_config_that_is_no_yaml_any_more_the_owner_is_kept(text: str) -> None:
    Path("configs").mkdir()
    Path("configs/shop.yaml").write_text(text)
    assert run("init", "shop", "--defaults", "--force", *OWN) == 0
    assert load(Path("configs/shop.yaml")).desired.owner == "oabc12345"
    assert Path("configs/shop.yaml.bak").read_text() == text


def test_where_no_copy_can_be_made_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", "shop", "--defaults", *OWN) == 0
    before = Path("configs/shop.yaml").read_text()
    monkeypatch.setattr("ert_deploy.config.scaffold.write.count", lambda: iter([255 * "x"]))
    assert run("init", "shop", "--defaults", "--force", "--max-dph", "0.51") == 2
    assert "cannot be copied, and nothing was written" in capsys.readouterr().err
    assert Path("configs/shop.yaml").read_text() == before
