"""Scenarios of the search: each one runs commands while the doubles return the credentials that they received.

Each scenario sets up the state for the next one: the first ones start without an instance, then a backend is running,
and at the end every resource is removed.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ert_deploy.sandbox.httpd.echo import ENCODINGS, encoded
from tests.secrets.stage import Stage, full, on_a_full_disk, with_core_dumps
from tests.support.action.runner import Job
from tests.support.doubles.scripted_http import Answer, Seen, scripted

# Calls of a command; the response to each contains the request.
READS = (
    (("status",), "vast", "list"),
    (("status", "--json"), "vast", "list"),
    (("plan",), "vast", "user"),
    (("offers",), "vast", "search"),
    (("logs",), "vast", "logs"),
    (("status",), "render", "list_services"),
    (("plan", "--json"), "render", "list_env_vars"),
    (("up",), "render", "list_env_groups"),
    (("reap", "--dry-run"), "vast", "list"),
    (("state", "rebuild"), "vast", "list"),
    (("sandbox", "record"), "vast", "list"),
    (("sandbox", "record"), "render", "list_services"),
)
# Commands without faults, with credentials in all lists and logs: those for each encoding, then those to run once.
TOLD = (
    ("status",), ("status", "--json"), ("plan",), ("logs", "--tail", "2000"), ("logs", "--tail", "2000", "--json"),
    ("state", "show", "--json"), ("sandbox", "record"),
)  # fmt: skip
ONCE = (
    ("plan", "--down", "--json"), ("offers", "--json"), ("state", "show"), ("state", "history"), ("sandbox", "status"),
    ("reap", "--dry-run", "--json"), ("render-yaml",), ("init", "--defaults", "new"), ("init", "--reference"),
    ("adopt", "7", "--yes"), ("ignore", "7", "--yes"), ("destroy", "7", "--yes"), ("ssh", "--", "env"),
    ("report", "AAPL"), ("--help",), ("nonsense",), ("image", "build"), ("sandbox", "start"),
    ("sandbox", "break"),
)  # fmt: skip
# Secrets that are never sent to a GPU host.
ELSEWHERE = ("app's", "netrc", "password in docker", "password of a webhook")
MUTE = """
from ert_deploy.core import redaction
redaction.Redactor.clean = lambda self, text: text
from ert_deploy.cli import main
main()
"""


def tell(stage: Stage, encoding: str) -> None:
    """Make hosts and backends return their variables and all other credentials that they may have received."""
    known = {name: text for name, text in stage.hunt.secrets.items() if not name.startswith(ELSEWHERE)}
    gone = tuple(f" of {contract.id}" for contract in stage.world.contracts() if contract.destroyed is not None)
    current = stage.world.variables().get("ERT_LLM_API_KEY")
    texts = [
        text
        for name, text in known.items()
        if not name.endswith(gone) and (text == current or not name.startswith("API key"))
    ]  # a key that is no longer valid is not a secret, and commands do not use it
    stage.vast(kind="calm", only="tells")
    stage.vast(kind="tells", encoding=encoding, texts=texts)
    stage.backend_says("; ".join(encoded(text, encoding) for text in texts[-3:]))


def failed_boots(stage: Stage, encoding: str) -> None:
    """Boot failures on two hosts with a password in the error message, which is stored in the state."""
    tell(stage, encoding)
    stage.vast(kind="pull_fails", message=encoded(stage.hunt.secrets["registry password"], encoding))
    stage.run("up")
    stage.learn()
    stage.run("state", "show", "--json")
    stage.calm()
    stage.run("down", "--now")


def refused_create(stage: Stage, encoding: str) -> None:
    """Fail a create call with a response that contains the order with the boot secret."""
    stage.fault("vast", operation="create", echo=encoding, status=400)
    stage.run("up")
    stage.learn()
    stage.calm()
    stage.run("down", "--now")


def begin(stage: Stage, encoding: str = "") -> None:
    """Start a backend."""
    said = stage.run("up")
    assert "is up" in said, said
    stage.learn()


def reads(stage: Stage, encoding: str) -> None:
    """Reject every read with a response that contains key, body and addresses of the request."""
    for words, provider, operation in READS:
        stage.fault(provider, operation=operation, echo=encoding, status=403)
        stage.run(*words)
        stage.calm()


def told(stage: Stage, encoding: str) -> None:
    """Run the commands in `TOLD` while hosts return credentials."""
    tell(stage, encoding)
    for words in TOLD:
        stage.run(*words)
    stage.calm()


def others(stage: Stage, encoding: str) -> None:
    """Run the read-only commands in `ONCE` while hosts return credentials."""
    tell(stage, encoding)
    for words in ONCE:
        stage.run(*words)
    password = stage.hunt.secrets["password of a webhook"]  # known to commands that have the address alone
    hook = {"ERT_NOTIFY_URLS": f"json://me:{password}@127.0.0.1:9"}
    stage.vast(kind="calm", only="tells")
    stage.vast(kind="tells", encoding=encoding, texts=[password])
    for words in (("notify", "test"), ("notify", "test", "--json"), ("status",)):
        stage.run(*words, env=hook)
    stage.calm()


def writes(stage: Stage, encoding: str) -> None:
    """Reject variables and deploys with a response that contains the request; fail a deploy with keys in its log."""
    for operation, status in (("put_env_var", 400), ("create_deploy", 409)):
        stage.fault("render", operation=operation, echo=encoding, status=status, count=3)
        stage.run("key", "rotate")
        stage.learn()
        stage.calm()
    stage.render(kind="deploy_fails", echo=encoding)
    stage.run("key", "rotate")
    stage.learn()
    stage.run("key", "rotate")
    stage.learn()


def asleep(stage: Stage, encoding: str) -> None:
    """Run `sleep`, `wake` and `down` with failing calls."""
    for words, operation in ((("sleep",), "manage"), (("wake",), "manage"), (("down", "--now"), "destroy")):
        tell(stage, encoding)
        stage.fault("vast", operation=operation, echo=encoding, status=400)
        stage.run(*words)
        stage.calm()
        stage.run(*words)
        stage.learn()


def troubles(stage: Stage, encoding: str) -> None:
    """Run with a full disk, a full stdout, signals, and crashes with core dumps."""
    tell(stage, encoding)
    stage.run("state", "lock", prepare=on_a_full_disk)
    stage.run("key", "rotate", prepare=on_a_full_disk)
    stage.run("state", "unlock", "--yes")
    for words in (("status",), ("logs", "--json")):
        with full() as opened:
            stage.run(*words, stdout=opened)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        stage.run("up", kill=(1.2, number))
    for number in (signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV):
        stage.run("status", kill=(0.9, number), prepare=with_core_dumps)
    stage.learn()
    stage.calm()


def images(stage: Stage, encoding: str) -> None:
    """Build and push the image with a Docker engine that returns its login."""
    shown = encoded(stage.hunt.secrets["registry password"], encoding)
    stage.engine.building = [{"stream": f"Step 1/2 : RUN {shown}"}, {"error": f"cannot use {shown}"}]
    stage.run("image", "build", "--tag", "r.example/me/x:1")
    stage.engine.building = [{"stream": "Step 1/1 : FROM x"}]
    stage.run("image", "build", "--tag", "r.example/me/x:1")
    for login in ("registry password", "password in docker's config"):
        registry = "r.example" if login == "registry password" else "other.example"
        stage.engine.images.add(f"{registry}/me/x:1")
        stage.engine.pushing = [{"error": f"unauthorized: {encoded(stage.hunt.secrets[login], encoding)}"}]
        extra = {} if registry == "r.example" else {"ERT_REGISTRY_USERNAME": "", "ERT_REGISTRY_PASSWORD": ""}
        stage.run("image", "push", "--tag", f"{registry}/me/x:1", env=extra)
    for query, context in zip(stage.engine.built, stage.engine.contexts, strict=True):
        stage.hunt.look("image", "build arguments", repr(query))
        stage.hunt.look("image", "build context", context.decode(errors="replace"))


def shared_state(stage: Stage, encoding: str) -> None:
    """Use a state in S3, where responses contain the access keys of the request."""
    text = (stage.folder / "kills.yaml").read_text().replace("deployment: ert-kills", "deployment: ert-shared")
    name = f"shared-{encoding}.yaml"
    (stage.folder / name).write_text(text.replace("state: state.json", f"state: s3://{stage.bucket}/ert-shared.json"))
    tell(stage, encoding)
    stage.run("state", "lock", "-c", name)
    stage.run("state", "show", "-c", name)
    stage.run("state", "unlock", "-y", "-c", name)
    stage.vast(kind="pull_fails", message="manifest unknown")
    stage.run("up", "-c", name)
    stage.learn()
    stage.calm()
    stage.run("down", "--now", "-c", name)
    said = encoded(stage.hunt.secrets["S3 session token"], encoding)

    def refuse(seen: Seen) -> Answer:
        body = f"<Error><Code>Odd</Code><Message>{said.replace('&', '&amp;').replace('<', '&lt;')}</Message></Error>"
        return Answer(400, body.encode(), kind="application/xml")

    with scripted({f"GET /{stage.bucket}/ert-shared.json": refuse}) as double:
        stage.run("state", "show", "-c", name, env={"AWS_ENDPOINT_URL_S3": double.url})


def redirects(stage: Stage, encoding: str) -> None:
    """Redirect requests to another host, which must not receive a secret."""
    heard: list[Seen] = []

    def listen(seen: Seen) -> Answer:
        heard.append(seen)
        return Answer(200, {"success": True, "instances": [], "total_instances": 0, "next_token": None})

    paths = {f"{method} /elsewhere": listen for method in ("GET", "PUT", "POST", "DELETE")}
    with scripted(paths) as other:
        for provider, operation, words in (
            ("vast", "list", ("status",)), ("vast", "create", ("up",)), ("vast", "user", ("plan",)),
            ("render", "list_services", ("status",)), ("render", "put_env_var", ("up",)), ("vast", "list", ("down",)),
        ):  # fmt: skip
            for status in (302, 307):
                stage.fault(
                    provider, operation=operation, status=status, count=2,
                    headers={"Location": f"{other.url}/elsewhere"},
                )  # fmt: skip
                stage.run(*words)
                stage.learn()
                stage.calm()
    for seen in heard:
        stage.hunt.look("another host", f"{seen.method} {seen.path}", f"{dict(seen.headers)}{seen.body!r}")
    stage.run("down", "--now")


def borrowed(stage: Stage, encoding: str) -> None:
    """Use a .netrc entry for the host of the providers, which must not be sent."""
    netrc = Path(stage.extra["HOME"]) / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {stage.hunt.secrets['netrc password']}\n")
    netrc.chmod(0o600)
    for operation in ("list", "user"):
        stage.fault("vast", operation=operation, echo=encoding, status=400)
        stage.run("status" if operation == "list" else "plan")
        stage.calm()
    netrc.unlink()


def job(stage: Stage, encoding: str) -> None:
    """Run the action and search the log, outputs and summary."""
    tell(stage, encoding)
    runner = {name: value for name, value in stage.extra.items() if name != "PYTHONPATH"}
    played = Job(workspace=stage.folder, temp=Path(stage.extra["HOME"]).parent / "runner", extra=runner)
    if not played.temp.exists():
        played.settle_in()
    for command in ("plan", "status"):
        ran = played.use(command=command, config="kills.yaml", vast_api_key=stage.hunt.secrets["job's token"])
        stage.hunt.look("GitHub log", command, ran.log)
        stage.hunt.look("GitHub outputs", command, json.dumps(ran.outputs, ensure_ascii=False))
        stage.hunt.look("GitHub summary", command, ran.summary)
    played.end()
    stage.calm()


def unguarded(stage: Stage, encoding: str) -> int:
    """Return how many secrets are found without redaction; it must not be 0."""
    tell(stage, encoding)
    before = set(stage.hunt.findings)
    stage.run("logs", "--tail", "2000", command=(sys.executable, "-c", MUTE))
    found = stage.hunt.findings - before
    stage.hunt.findings = before
    stage.calm()
    return len({finding.secret for finding in found})


Scene = Callable[[Stage, str], None]
FIRST: tuple[Scene, ...] = (failed_boots, refused_create)
EACH: tuple[Scene, ...] = (reads, told)
LAST: tuple[Scene, ...] = (others, job, images, shared_state, writes, troubles, borrowed, redirects, asleep)
ALL = tuple(ENCODINGS)
