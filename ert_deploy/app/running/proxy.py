"""`proxy`: the files of HAProxy for `/v1` on all machines, from what the app uses: its variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.running.access import each_access, folder_of
from ert_deploy.core.model.errors import ErtError, Failed, UsageError
from ert_deploy.core.model.events import Event
from ert_deploy.proxy.haproxy import CONFIG, MASTER, files
from ert_deploy.proxy.servers import Proxy, ProxyServer

PORT = 8080
PAUSE = 5.0  # real seconds between two looks of `follow_proxy`


@dataclass(frozen=True, slots=True)
class Written:
    """Where the config of the proxy is, and the URL of each machine behind it by the number of its replica.

    `reloaded`: a running HAProxy has been sent `reload`.
    """

    file: Path
    url: str
    servers: tuple[tuple[int, str], ...]
    reloaded: bool = False

    @property
    def start(self) -> str:
        """The command that starts HAProxy with these files, so that it can be sent `reload` later."""
        return f"haproxy -W -S {self.file.parent / MASTER},mode,600 -f {self.file}"


def write_proxy(
    config: Config = None, *, port: int = PORT, folder: Path | None = None, progress: Progress = SILENT
) -> Written:
    """Write the files for the machines that the app uses; they hold keys, and are for this user alone.

    `folder` is by default one beside the state. A replica that the app does not use yet is left out and noted. Raises
    UsageError if there is none, or for a folder or port that HAProxy does not take, CannotObserve, and Failed if a file
    cannot be written.
    """
    written, contents = _made(config, port, folder, progress)
    _write(written.file.parent, contents)
    return written


def follow_proxy(
    config: Config = None, *, port: int = PORT, folder: Path | None = None, progress: Progress = SILENT
) -> Iterator[Written]:
    """Write the files, again after each change of what the app uses, and have a running HAProxy read them; yield each.

    It looks every PAUSE real seconds, and reads the config anew each time. A machine or a key is in the app's variables
    before the app is deployed with it, and the one before goes only after that, so that HAProxy always knows one that
    serves. The first look raises as `write_proxy` does; what later ones raise is noted, and the files stay.
    """
    from ert_deploy.adapters.clock import RealClock
    from ert_deploy.adapters.haproxy import reload

    notes = _Once(progress)
    written, contents = _made(config, port, folder, notes)
    while True:
        _write(written.file.parent, contents)
        yield replace(written, reloaded=reload(written.file.parent / MASTER))
        before = contents
        while contents == before:
            RealClock().sleep(PAUSE)
            notes.begin()
            try:
                written, contents = _made(config, port, folder, notes)
            except ErtError as error:
                notes.note(f"the files stay as they are: {error.summary}")


class _Once:
    """A receiver that passes a line on unless the look before had it too."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._before: set[str] = set()
        self._now: set[str] = set()

    def begin(self) -> None:
        """Begin another look."""
        self._before, self._now = self._now, set()

    def tell(self, event: Event) -> None:
        """Pass the event on."""
        self._progress.tell(event)

    def note(self, text: str) -> None:
        """Pass the line on if it is new."""
        self._now.add(text)
        if text not in self._before:
            self._progress.note(text)


def _made(config: Config, port: int, folder: Path | None, progress: Progress) -> tuple[Written, dict[str, str]]:
    """Return what is to be written: where, and the content of each file."""
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
    urls = tuple((number, one.url) for number, one in found.items())
    written = Written(place / CONFIG, f"http://127.0.0.1:{port}/v1", urls)
    return written, {name: text.reveal() for name, text in made.items()}


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
