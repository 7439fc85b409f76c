"""`proxy`: the files of HAProxy for `/v1` on all machines, from what the app uses: its variables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.running.access import each_access, folder_of
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.proxy.haproxy import CONFIG, files
from ert_deploy.proxy.servers import Proxy, ProxyServer

PORT = 8080


@dataclass(frozen=True, slots=True)
class Written:
    """Where the config of the proxy is, and the URL of each machine behind it by the number of its replica."""

    file: Path
    url: str
    servers: tuple[tuple[int, str], ...]


def write_proxy(
    config: Config = None, *, port: int = PORT, folder: Path | None = None, progress: Progress = SILENT
) -> Written:
    """Write the files for the machines that the app uses; they hold keys, and are for this user alone.

    `folder` is by default one beside the state. A replica that the app does not use yet is left out and noted. Raises
    UsageError if there is none, or for a folder or port that HAProxy does not take, CannotObserve, and Failed if a file
    cannot be written.
    """
    deployment = opened(config)
    rented_only(deployment, "proxy")
    session = deployment.session(progress, gpu=False)
    found = dict(each_access(session, progress))
    if not found:
        raise UsageError("the app uses no backend now", hint="`ert-deploy up` rents one and connects the app")
    place = (folder or folder_of(session) / f"{deployment.name}.proxy").absolute()
    slots = session.desired.launch.server.parallel
    servers = tuple(ProxyServer(k, one.url, one.certificate, one.key, slots) for k, one in found.items())
    made = files(Proxy(port, str(place), servers))
    _write(place, {name: text.reveal() for name, text in made.items()})
    return Written(
        place / CONFIG, f"http://127.0.0.1:{port}/v1", tuple((number, one.url) for number, one in found.items())
    )


def _write(folder: Path, contents: dict[str, str]) -> None:
    """Write the files with mode 0600 into a folder of mode 0700, the config last, which names the others."""
    from ert_deploy.adapters.private import new_private, reason

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in sorted(contents, key=lambda one: one == CONFIG):
            with new_private(folder / name) as file:
                file.write(contents[name].encode())
    except OSError as error:
        raise Failed(f"{folder}: cannot be written: {reason(error)}") from None
