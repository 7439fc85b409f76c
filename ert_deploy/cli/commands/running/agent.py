"""`ert-deploy agent`: stay, wake deployments on request, and look after them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ert_deploy.app.deployment import open_deployment
from ert_deploy.app.gateway.keys import backend_key, gateway_key
from ert_deploy.app.waking import session
from ert_deploy.cli.options import Duration
from ert_deploy.cli.view.progress import PlainView
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.secret import Secret

if TYPE_CHECKING:
    from ert_deploy.agent.gateway.routes import Gateway
    from ert_deploy.agent.keeper import Keeper

PORT, MOST_PORT = 8790, 65535
DAY = 86400.0
LEAST_EVERY = 1.0
HERE = ("127.0.0.1", "::1", "localhost")
ADDRESS = re.compile(r"(?:(?P<v6>\[[0-9A-Fa-f:.]{2,45}\])|(?P<host>[A-Za-z0-9.-]{1,253})):(?P<port>[0-9]{1,5})")


class _Named(PlainView):
    """Lines of one deployment among others."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def note(self, text: str) -> None:
        """Print one line after the name."""
        super().note(f"{self._name}: {text}")


@click.command("agent")
@click.option(
    "-c",
    "--config",
    "configs",
    multiple=True,
    metavar="NAME|PATH",
    envvar="ERT_CONFIG",
    help="Config of a deployment, by name or path; may be given several times. Default: as for the other commands.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{PORT}",
    show_default=True,
    help="Address to listen at; port 0 takes a free one. The URL is printed on stdout.",
)
@click.option("--every", type=Duration(DAY), default="30s", show_default=True, help="Time between two looks.")
@click.option("--gpu-only", is_flag=True, help="Change no variable of an app, also where a key of the web host is set.")
@click.option("--gateway", "passes", is_flag=True, help="Serve OpenAI's chat route at /v1; its key is ERT_GATEWAY_KEY.")
@click.option(
    "--beside",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run the dashboard in this folder too, as a second process of one service.",
)
def command(
    configs: tuple[str, ...], listen: str, every: float, gpu_only: bool, passes: bool, *, beside: Path | None
) -> None:
    """Wake deployments on the request of an app, and look after them until it is stopped.

    `POST /wake` starts a sleeping GPU as `wake` does, at most `policy/wakes_per_hour` times an hour; `GET /backend` has
    its phase and how to reach it. Requests need the key in ERT_AGENT_KEY. A machine that is lost, also to a higher bid,
    while it is in use is replaced, and one whose own off-switch failed is put to sleep. It keeps nothing but the state,
    and several agents may serve one deployment. Without a key of the web host it changes no variable. With --gateway, a
    chat completion at /v1 wakes the GPU, waits for it, and gets the backend's response. SIGTERM ends it.

    With --beside, agent and dashboard are kept up as two processes of one user, each with its own variables.
    """
    session.must_be_installed(beside=beside is not None)
    session.agent_key()
    if beside is not None:
        _ensure_only_here(listen)
        _kept_up(beside, lambda: _stay(configs, listen, every, gpu_only, passes))
    else:
        _stay(configs, listen, every, gpu_only, passes)


def _stay(configs: tuple[str, ...], listen: str, every: float, gpu_only: bool, passes: bool) -> None:
    key = session.agent_key()
    clients_key = gateway_key(key) if passes else None
    host, port = _address(listen)
    if every < LEAST_EVERY:
        raise UsageError(f"--every is at least {LEAST_EVERY:g} s", hint="the providers limit how often they are read")
    from ert_deploy.agent.keeper import Keeper
    from ert_deploy.agent.serve import listener, serve

    opened = [open_deployment(config) for config in configs or (None,)]
    names = [one.name for one in opened]
    if len(set(names)) < len(names):
        raise UsageError(f"two configs are of one deployment: {', '.join(names)}", hint="give each of them once")
    keepers = []
    for one in opened:
        view = PlainView() if len(opened) == 1 else _Named(one.name)
        unpublished = session.why_not_publish(one.settings, gpu_only=gpu_only)
        if unpublished:
            view.note(unpublished)
        keepers.append(Keeper(one, view, every=every, unpublished=unpublished))
    for keeper in keepers:
        keeper.check()
    gateway = _gateway(keepers, clients_key)
    listening = listener(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listening.getsockname()[1]}"
    serve(keepers, key, listening, lambda: click.echo(url), gateway)


def _kept_up(folder: Path, stay: Callable[[], None]) -> None:
    """Run agent and dashboard until SIGTERM. Raises Failed if the dashboard does not start."""
    from ert_deploy.agent.beside.manager import MODULE, run
    from ert_deploy.cli.failure import explain

    def agent() -> int:
        try:
            stay()
        except Exception as error:  # the last one of its process: it is handled as that of a command
            return explain(error)
        return 0

    if sys.platform != "linux":
        raise UsageError("--beside needs Linux", hint="start agent and dashboard as two services")
    if not (folder / MODULE).is_dir():
        raise UsageError(f"{folder} has no dashboard", hint="name the folder with ert_dashboard, images/dashboard here")
    if not run(folder, agent):
        raise Failed("the dashboard did not stay up", hint="its own lines above have the reason")


def _ensure_only_here(listen: str) -> None:
    if _address(listen)[0] not in HERE:
        raise UsageError(f"{listen} is reached from outside", hint=f"with --beside listen at 127.0.0.1:{PORT}")


def _gateway(keepers: Sequence[Keeper], key: Secret | None) -> Gateway | None:
    """Return the gateway if there is a key for it. Raises UsageError."""
    if key is None:
        return None
    from ert_deploy.agent.gateway.routes import Gateway

    return Gateway(keepers, key, backend_key(needed=any(keeper.unpublished for keeper in keepers)))


def _address(text: str) -> tuple[str, int]:
    found = ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > MOST_PORT:
        raise UsageError(f"{text!r} is no HOST:PORT", hint=f"such as 127.0.0.1:{PORT} or [::1]:{PORT}")
    return found["host"] or found["v6"].strip("[]"), int(found["port"])
