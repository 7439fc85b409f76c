"""Command line: help, exit codes, one-line errors, and no side effects with invalid arguments."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.cli import COMMANDS, cli, main
from ert_deploy.cli.failure import explain
from ert_deploy.core.model.errors import Busy, CannotObserve, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.plain.state import VERSION
from ert_deploy.core.model.state import State
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = (ROOT / "configs" / "ert.yaml").read_text().replace("YOUR-DEPLOYMENT", "ert")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def production(tmp_path: Path, old: str = "", new: str = "") -> Path:
    """Return the sample config with a custom image and one change."""
    lines = [
        "  image: ghcr.io/me/ert-llm-backend:0.1.0" if line.lstrip().startswith("image:") else line
        for line in PRODUCTION.splitlines()
    ]
    text = "\n".join(lines)
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1) if old else text)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_in_the_words_of_the_list(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name]
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{name} {option.name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_page_of_commands(name: str) -> None:
    assert f"ert-deploy {name}" in (ROOT / "docs" / "commands.md").read_text().partition("<!-- Below")[0]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom ert_deploy.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = ('vastai', 'requests', 'rich', 'yaml', 'jinja2', 'tenacity', 'paramiko', 'ert_deploy.engine')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_on_the_sandbox_imports_no_server_of_it(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ert_deploy.cli import main\n"
        "try: main(['status', '-c', 'sandbox'])\nexcept SystemExit: pass\n"
        "servers = [f'ert_deploy.sandbox.{name}' for name in ('vast', 'render', 'httpd', 'world.daemon')]\n"
        "print(sorted({'ert_deploy.sandbox.world.file', *servers} & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environ
    )
    assert "the sandbox is not running" in done.stdout
    assert done.stdout.splitlines()[-1] == "['ert_deploy.sandbox.world.file']"


def test_a_slip_of_the_finger_gets_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("upp") == 2
    assert "Did you mean 'up'?" in capsys.readouterr().err


def test_a_missing_key_is_named_with_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("up", "-c", str(production(tmp_path))) == 2
    said = capsys.readouterr().err
    assert "VAST_API_KEY" in said
    assert "hint: " in said
    assert not (tmp_path / ".ert").exists()


@pytest.mark.parametrize(
    ("words", "key", "other", "addressed"),
    [
        (("offers",), "VAST_API_KEY", "Render", "https://console.vast.ai"),
        (("logs",), "VAST_API_KEY", "Render", "https://console.vast.ai"),
        (("report", "AAPL"), "RENDER_API_KEY", "Vast.ai", "https://api.render.com/v1"),
    ],
)
def test_no_key_is_asked_for_that_a_command_does_not_use(
    words: tuple[str, ...],
    key: str,
    other: str,
    addressed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command continues to its provider, the sandbox's, which rejects the key."""
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    monkeypatch.delenv("RENDER_API_KEY", raising=False)
    monkeypatch.setenv(key, "a-key-0123456789")
    asked: list[str] = []

    def refuse(request: Request) -> Reply:
        asked.append(request.path)
        return Reply.json({"error": "auth_error", "msg": "Invalid user key", "message": "Unauthorized"}, 401)

    router = Router()
    for method, pattern in (("POST", "/api/v0/bundles/"), ("GET", "/api/v1/instances/"), ("GET", "/services")):
        router.add(method, pattern, "read", refuse)
    server = Server(router).start()
    try:
        path = production(tmp_path, addressed, server.url)
        assert run(*words, "-c", str(path)) == 2
    finally:
        server.stop()
    assert asked
    assert f"no {other} API key" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("deployment:", "deploiment:", ["deploiment", "deployment"]),
        ("max_dph: 0.60", "max_dph: cheap", ["max_dph"]),
        ("max_dph: 0.60", "max_dph: .nan", ["max_dph"]),
        ("model: gpt-oss:20b", "model: llama3.2:8b", ["llama3.2:8b", "llama3.1:8b"]),
    ],
)
def test_a_bad_config_is_said_with_its_path_and_costs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: list[str]
) -> None:
    assert run("up", "-c", str(production(tmp_path, old, new))) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert not (tmp_path / ".ert").exists()


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "vast.key"
    secret.write_text("vast-canary-000")
    secret.chmod(0o644)
    config = production(tmp_path)
    text = config.read_text()
    lines = [f"    file: {secret}" if line.strip().startswith("file:") else line for line in text.splitlines()]
    config.write_text("\n".join(lines))
    assert run("up", "-c", str(config)) == 2
    said = capsys.readouterr().err
    assert "can be read by others" in said
    assert "chmod 600" in said
    assert "canary" not in said


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace('"generation": 1', '"generation": 2'), ["corrupt", "marks"]),
        (lambda text: text.replace(f'"version": {VERSION}', '"version": 99', 1), ["newer"]),
        (lambda _: "{", ["corrupt", "marks"]),
    ],
    ids=["flipped", "newer", "torn"],
)
def test_a_state_file_that_cannot_be_trusted_stops_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: object, words: list[str]
) -> None:
    path = tmp_path / "ert.json"
    StateFile(path, "ert", RealClock()).save(State("ert"))
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with pytest.raises(UsageError) as refused:
        StateFile(path, "ert", RealClock()).load()
    assert explain(refused.value) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("u"), 2),
        (Failed("f"), 1),
        (Busy("b"), 3),
        (NeedsAttention("n"), 5),
        (CannotObserve("c"), 5),
        (KeyError("secret-canary"), 1),
    ],
)
def test_exit_codes_are_those_of_the_documentation(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "canary" not in said
    assert "Traceback" not in said


def test_without_a_sandbox_down_and_status_have_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("down", "--json", "-c", "sandbox") == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert run("status", "--json", "-c", "sandbox") == 0
    assert json.loads(capsys.readouterr().out)["backends"] == []
    assert not (tmp_path / ".ert").exists()


@pytest.mark.parametrize("words", ["down", "sleep", "wake", "status", "reap --yes", "key rotate"])
@pytest.mark.parametrize("key", [None, " "])
def test_a_sandbox_that_was_only_guessed_and_is_not_there_is_no_answer(
    words: str, key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user with the key in a file who omits the config must not get the report that the real deployment is down."""
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("VAST_API_KEY", key)
    assert run(*words.split(), "--json") == 2
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["version"], document["exit_code"]) == (1, 2)
    assert "nothing was read" in document["error"]["summary"]
    assert "nothing was read" in said.err
    assert "hint: name the config: -c my-app" in said.err
    assert not (tmp_path / ".ert").exists()


@pytest.mark.parametrize("words", ["plan", "plan --down", "offers"])
def test_a_command_that_only_reads_starts_no_sandbox(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words.split(), "-c", "sandbox") == 2
    said = capsys.readouterr().err
    assert "no sandbox is running" in said
    assert "ert-deploy sandbox start" in said
    assert not (tmp_path / ".ert").exists()


@pytest.mark.parametrize(
    ("lines", "package", "extra"),
    [("state: s3://bucket/ert.json", "boto3", "s3"), ("keys: {custody: keyring}", "keyring", "keyring")],
)
def test_a_missing_extra_is_named_before_anything_starts(
    lines: str,
    package: str,
    extra: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    really = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else really(name))
    Path("mine.yaml").write_text((ROOT / "configs" / "sandbox.yaml").read_text() + f"\n{lines}\n")
    assert run("up", "-c", "mine.yaml") == 2
    said = capsys.readouterr().err
    assert f"needs {package}, which is not installed" in said
    assert f"pip install 'ert-deploy[{extra}]'" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_sandbox_that_was_named_and_is_not_there_is_down(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("down", "-c", "sandbox") == 0
    assert "ert-sandbox is down: no instance of it exists (nor did any)" in capsys.readouterr().out
    assert run("sleep", "-c", "sandbox") == 0
    assert run("wake", "-c", "sandbox") == 2
    assert "there is nothing to wake" in capsys.readouterr().err


def test_a_sandbox_that_does_not_run_is_not_stopped_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sandbox", "stop", "-c", "sandbox") == 2
    assert capsys.readouterr().err.startswith("error: no sandbox is running in ")
    assert run("sandbox", "status", "-c", "sandbox") == 0


def test_the_group_knows_its_commands() -> None:
    with click.Context(cli) as context:
        assert cli.list_commands(context) == list(COMMANDS)
        assert cli.get_command(context, "nothing") is None


def test_a_crash_leaves_no_memory_on_the_disk(tmp_path: Path) -> None:
    """Core dumps are disabled for the command and its children, as they would contain keys."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "from ert_deploy.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "(0, 0)"
