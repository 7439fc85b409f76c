"""The environment and arguments that the action passes to ert-deploy, and its use of the output; with a stub."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from tests.support.action.issuer import BEARER, TOKEN, Issuer, environ
from tests.support.action.runner import Job, action, filled, orders

ROLE = {"aws_role": "arn:aws:iam::123456789012:role/state", "aws_region": "eu-central-1"}


@pytest.fixture
def played(checkout: Path, tmp_path: Path) -> Job:
    """Return a job whose stub prints the workspace's `said` and writes its environment and arguments to `seen`."""
    program = """
        import json, os, pathlib, sys
        token = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
        seen = {"words": sys.argv[1:], "env": dict(os.environ), "path": sys.path,
                "token": token and pathlib.Path(token).read_text()}
        pathlib.Path("seen").write_text(json.dumps(seen))
        sys.stderr.write("::set-output name=backend-url::evil\\n")
        print(pathlib.Path("said").read_text())
        sys.exit(int(pathlib.Path("code").read_text()))
    """
    (checkout / "ert_deploy" / "cli" / "__main__.py").write_text(textwrap.dedent(program))
    (checkout / "requirements" / "runtime.lock").touch()
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    say(workspace, {"changed": False, "backends": [], "services": []})
    made = Job(workspace, tmp_path / "runner", checkout)
    made.settle_in()
    return made


def say(workspace: Path, what: object, code: int = 0) -> None:
    (workspace / "said").write_text(json.dumps(what) if not isinstance(what, str) else what)
    (workspace / "code").write_text(str(code))


def test_the_role_is_assumed_with_the_job_s_identity(played: Job, issuer: Issuer) -> None:
    played.extra = {**environ(issuer.url), "AWS_ACCESS_KEY_ID": "a stored key", "PYTHONPATH": "/planted"}
    ran = played.use(command="up", config="ert", **ROLE)
    assert ran.code == 0, ran.log
    seen = json.loads((played.workspace / "seen").read_text())
    assert seen["token"] == TOKEN
    assert seen["env"]["AWS_ROLE_ARN"] == ROLE["aws_role"]
    assert seen["env"]["AWS_REGION"] == "eu-central-1"
    assert "AWS_ACCESS_KEY_ID" not in seen["env"]
    assert BEARER not in str(seen)
    assert "/planted" not in seen["path"]
    assert "" not in seen["path"]
    assert TOKEN not in ran.log + ran.summary
    assert BEARER not in ran.log + ran.summary
    assert not (played.temp / "ert-deploy" / "aws-token").exists()


def test_a_job_that_cannot_show_its_identity_does_not_begin(played: Job, issuer: Issuer) -> None:
    issuer.status = 403
    played.extra = environ(issuer.url)
    ran = played.use(command="up", config="ert", **ROLE)
    assert ran.code == 5
    assert "error: GitHub rejected the request for the job's identity (HTTP 403)" in ran.log
    assert not (played.workspace / "seen").exists()


def test_without_a_role_nobody_is_asked(played: Job, issuer: Issuer) -> None:
    played.extra = environ(issuer.url)
    assert played.use(command="up", config="ert", vast_api_key="v-key", render_api_key="r-key").code == 0
    seen = json.loads((played.workspace / "seen").read_text())
    assert issuer.asked == []
    assert seen["words"] == ["up", "-c", "ert", "--json"]
    assert (seen["env"]["VAST_API_KEY"], seen["env"]["RENDER_API_KEY"]) == ("v-key", "r-key")
    assert not any(name.startswith("ACTIONS_ID_TOKEN") for name in seen["env"])


def test_values_of_a_hostile_provider_stay_values(played: Job) -> None:
    url = "https://x\nchanged=true\nEOF\nfingerprint<<EOF\n```\n<img src=x>\n````"
    backends = [{"url": "http://old", "health": "unhealthy"}, {"url": url, "health": "healthy"}]
    say(played.workspace, {"changed": False, "backends": backends, "services": [{"fingerprint": None}]})
    ran = played.use(command="status", config="ert")
    assert ran.code == 0, ran.log
    assert ran.outputs == {"backend-url": url, "fingerprint": "", "changed": "false", "attention": "", "verdict": ""}
    assert orders(ran.log) == []
    fence = ran.summary.splitlines()[2].removesuffix("text")
    assert len(fence) == 5
    assert ran.summary.count(fence) == 2


def test_what_a_person_has_to_decide_about_is_an_output_of_its_own(played: Job) -> None:
    doubts = [{"instance": "30", "why": "x"}, {"instance": "7", "why": "x"}]
    say(played.workspace, {"backends": [], "services": [], "attention": doubts})
    assert played.use(command="status", config="ert").outputs["attention"] == "7,30"
    say(played.workspace, {"attention": doubts, "strays": [{"instance": "8", "dph": 0.2}], "destroyed": []})
    ran = played.use(command="reap", config="ert")
    assert ran.outputs == {"backend-url": "", "fingerprint": "", "changed": "", "attention": "7,8,30", "verdict": ""}
    seen = json.loads((played.workspace / "seen").read_text())
    assert seen["words"] == ["reap", "--dry-run", "-c", "ert", "--json"]


@pytest.mark.parametrize(
    ("verdict", "code", "seen"),
    [("as wanted", 0, "as wanted"), ("degraded", 6, "degraded"), ("unclear", 5, "unclear"), ("good\nx=1", 6, "")],
)
def test_the_verdict_of_a_status_is_an_output_and_its_code_that_of_the_step(
    played: Job, verdict: str, code: int, seen: str
) -> None:
    say(played.workspace, {"backends": [], "services": [], "verdict": verdict}, code)
    ran = played.use(command="status", config="ert")
    assert (ran.code, ran.outputs["verdict"]) == (code, seen)


def test_a_plan_is_shown_as_text_whatever_it_says(played: Job) -> None:
    say(played.workspace, "```\n# not a heading\n\x1b[31mred v-key-0123456789")
    ran = played.use(command="up", config="ert", vast_api_key="v-key-0123456789")
    assert "````text\n```\n# not a heading\nred ***\n````" in ran.summary
    assert "v-key" not in ran.summary


@pytest.mark.parametrize("said", ["", "not JSON", "[]", '{"backends": 3}', '{"backends": [{}]}'])
def test_a_success_without_a_document_is_a_failure(played: Job, said: str) -> None:
    say(played.workspace, said)
    ran = played.use(command="status", config="ert")
    assert ran.code == 1
    assert "returned no JSON document" in ran.log
    assert ran.outputs == {}


MAIN = {"vast_api_key": "vast-main", "render_api_key": "render-main"}
READING = {"vast_read_key": "vast-read", "render_read_key": "render-read"}


def keys_seen(played: Job, command: str, step: int, **given: str) -> tuple[str, str]:
    """Return the two keys passed to the command in one step of the action."""
    process = played.start(action()["runs"]["steps"][step], filled({"command": command, "config": "ert", **given}))
    process.communicate(timeout=100)
    seen = json.loads((played.workspace / "seen").read_text())["env"]
    assert not any("main" in value for name, value in seen.items() if name not in ("VAST_API_KEY", "RENDER_API_KEY"))
    return seen["VAST_API_KEY"], seen["RENDER_API_KEY"]


@pytest.mark.parametrize(("command", "step"), [("up", 2), ("down", 2), ("plan", 3), ("status", 3)])
def test_what_only_reads_gets_the_keys_that_only_read(played: Job, command: str, step: int) -> None:
    assert keys_seen(played, command, step, **MAIN, **READING) == ("vast-read", "render-read")
    assert keys_seen(played, command, step, **MAIN) == ("vast-main", "render-main")


@pytest.mark.parametrize("command", ["up", "sleep", "wake", "down", "rotate", "reap"])
def test_what_changes_something_gets_the_keys_that_may(played: Job, command: str) -> None:
    assert keys_seen(played, command, 3, **MAIN, **READING) == ("vast-main", "render-main")


SERVER_KEY = "sk-of-the-server-0123456789"
ON_A_SERVER = """\
deployment: shop
providers: {gpu: external}
external: {url: "https://llm.example.org", model: "qwen3:8b", key: EXTERNAL_VLLM_KEY}
render: {services: [{name: shop}]}
"""


def server_keys(played: Job, text: str, **given: str) -> dict[str, str]:
    """Return the variables with the key of the server that the last step passed to the command."""
    (played.workspace / "shop.yaml").write_text(text)
    ran = played.use(command="up", config="shop.yaml", external_api_key=SERVER_KEY, **given)
    assert ran.code == 0, ran.log
    assert SERVER_KEY not in ran.log + ran.summary + str(ran.outputs)
    seen = json.loads((played.workspace / "seen").read_text())
    assert SERVER_KEY not in str(seen["words"])
    return {name: value for name, value in seen["env"].items() if value == SERVER_KEY}


def test_the_key_of_an_external_server_is_in_the_variable_that_the_config_names(played: Job) -> None:
    assert server_keys(played, ON_A_SERVER) == {"EXTERNAL_VLLM_KEY": SERVER_KEY}
    default = ON_A_SERVER.replace(", key: EXTERNAL_VLLM_KEY", "")
    assert server_keys(played, default) == {"EXTERNAL_API_KEY": SERVER_KEY}


@pytest.mark.parametrize(
    "text",
    [
        ON_A_SERVER.replace("EXTERNAL_VLLM_KEY", "none"),
        ON_A_SERVER.replace("EXTERNAL_VLLM_KEY", "LD_PRELOAD"),
        ON_A_SERVER.replace("{gpu: external}", "{gpu: vast}"),
        "no config",
    ],
    ids=["a server without keys", "another variable", "a rented machine", "an invalid config"],
)
def test_where_no_server_takes_a_key_none_is_passed_on(played: Job, text: str) -> None:
    assert server_keys(played, text) == {}


def test_the_plan_before_has_the_key_of_the_server_too(played: Job) -> None:
    (played.workspace / "shop.yaml").write_text(ON_A_SERVER)
    inputs = filled({"command": "up", "config": "shop.yaml", "external-api-key": SERVER_KEY})
    played.start(action()["runs"]["steps"][2], inputs).communicate(timeout=100)
    seen = json.loads((played.workspace / "seen").read_text())
    assert seen["env"]["EXTERNAL_VLLM_KEY"] == SERVER_KEY


def test_a_region_without_a_role_is_for_the_job_s_own_credentials(played: Job) -> None:
    played.extra = {"AWS_PROFILE": "own"}
    assert played.use(command="up", config="ert", aws_region="eu-central-1").code == 0
    seen = json.loads((played.workspace / "seen").read_text())["env"]
    assert (seen["AWS_REGION"], seen["AWS_PROFILE"]) == ("eu-central-1", "own")
    assert "AWS_ROLE_ARN" not in seen
