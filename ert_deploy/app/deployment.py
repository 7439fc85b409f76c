"""One deployment as used by a command: the config, read once, and the creation of ports."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ert_deploy.app.money.record import record
from ert_deploy.app.sandbox_rows import rows_of
from ert_deploy.config import Settings, allowed_hosts, default_config, find, key_at_hand, key_variables, load
from ert_deploy.core.model import events
from ert_deploy.core.model.errors import Busy, ErtError, UsageError
from ert_deploy.ports import Audience, StateKeeper
from ert_deploy.stores import must_be_installed
from ert_deploy.wiring import Session, assemble

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.app_folder import AppOrder
    from ert_deploy.sandbox.world.file import WorldFile

DEFAULT = "sandbox"  # the config that commands use where none is named
STARTS = "`ert-deploy up{named}` or `ert-deploy sandbox start{named}` starts one"


class Progress(Audience, Protocol):
    """Receiver of the events of a command, and lines of text. Neither method may raise."""

    def note(self, text: str) -> None:
        """Show one line about the current activity."""


class Silent:
    """Default that ignores everything."""

    def tell(self, event: events.Event) -> None:
        """Ignore the event."""

    def note(self, text: str) -> None:
        """Ignore the line."""


SILENT = Silent()


class Connector(Protocol):
    """Function that creates a session from settings; `connect` is the default."""

    def __call__(
        self, settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool
    ) -> Session: ...


def connect(settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool) -> Session:
    """Create a session for the addresses of the settings or for their sandbox. Raises UsageError.

    A missing extra is named before the sandbox is started.
    """
    must_be_installed(settings)
    world = sandbox_world(settings, start=start_sandbox) if settings.sandbox is not None else None
    return assemble(settings, audience, world, gpu=gpu, web=web)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A config and the way to reach its resources. `named`: it was specified explicitly and is not the default."""

    settings: Settings
    named: bool = True
    connector: Connector = field(default=connect)

    @property
    def name(self) -> str:
        """Name of the deployment."""
        return self.settings.desired.deployment

    @property
    def zone(self) -> str:
        """How its times are marked: in a sandbox they are by its own clock."""
        from ert_deploy.adapters.clock import zone_of

        return zone_of(self.settings.sandbox is not None)

    def session(
        self, progress: Audience = SILENT, *, start_sandbox: bool = False, gpu: bool = True, web: bool = True
    ) -> Session:
        """Return the ports of one run. Starts the sandbox only if the config has one and `start_sandbox` is set.

        Without `gpu` or `web` that provider's key is not read, and it must not be called. Raises
        UsageError if a key is missing or the sandbox is not running.
        """
        return self.connector(self.settings, progress, start_sandbox=start_sandbox, gpu=gpu, web=web)

    def sandbox_runs(self) -> bool:
        """Return False only if the config uses a sandbox that is not running, so that no instance can exist.

        Raises UsageError if the sandbox is only the default: another config may name a file with the key.
        """
        if self.settings.sandbox is None:
            return True
        try:
            sandbox_world(self.settings, start=False)
        except UsageError:
            if self.named or key_at_hand(os.environ):
                return False
            raise UsageError(
                f"no config was named, {key_variables()} is not set, and no sandbox runs here: nothing was read",
                hint="name the config: -c my-app",
            ) from None
        return True

    def keeper(self, *, signing: bool = False, remove: bool = False) -> StateKeeper:
        """Return the state store for maintenance. It needs no provider and no provider key.

        `signing` returns one that signs the state, or with `remove` strips the signature. Raises UsageError without
        that key.
        """
        from ert_deploy.adapters.clock import CompressedClock, RealClock
        from ert_deploy.ports import Clock
        from ert_deploy.stores import keys_to_sign, own_store

        clock: Clock = RealClock()
        if self.settings.sandbox is not None:
            with suppress(UsageError):
                world = sandbox_world(self.settings, start=False)
                clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
        return own_store(self.settings, clock, keys_to_sign(self.settings, remove=remove) if signing else None)


Config = str | Path | Deployment | None


def opened(config: Config, *, going_down: bool = False, draft: bool = False) -> Deployment:
    """Return the deployment of a config: by name, by path, already opened, or None for the default one.

    The default is that of the command line: `ert` if the key of a GPU cloud is set, else the sandbox. `going_down`
    accepts an old config, `draft` one whose image is not named yet. Raises UsageError, or its subclass
    `ConfigProblems` with all errors in the file.
    """
    if isinstance(config, Deployment):
        return config
    path = find(config) if isinstance(config, str) and config else config or default_config(os.environ)
    settings = load(Path(path), going_down=going_down, draft=draft, hosts=allowed_hosts(os.environ))
    return Deployment(settings, named=bool(config))


def open_deployment(config: str | Path | None = None) -> Deployment:
    """Read a config once, for several calls. Raises UsageError, or its subclass `ConfigProblems` with all errors."""
    return opened(config)


def sandbox_world(settings: Settings, *, start: bool, app: AppOrder | None = None, model: str = "auto") -> WorldFile:
    """Return the running world of these settings; with `start` it is started if necessary. Raises UsageError.

    With `app` it is started with that app, and one that runs is UsageError.
    """
    from ert_deploy.sandbox.world import file

    sandbox = settings.sandbox
    if sandbox is None:
        raise UsageError(f"{settings.source} has no sandbox", hint="`--config sandbox` names one that does")
    try:
        if not start:
            return file.attach(sandbox.world)
        from ert_deploy.sandbox.world import daemon  # slow: it imports both providers

        rows = () if app else rows_of(settings)
        return daemon.start(sandbox.world, sandbox.speed, app=app, rows=rows, model=model)
    except file.WorldError as error:
        raise UsageError(str(error), hint=_hint(settings.source, start, app)) from error


def _hint(source: Path, start: bool, app: AppOrder | None) -> str:
    if app is not None:
        return "docs/sandbox.md says how an app is run"
    if start:
        return "name a real deployment with -c"
    named = "" if source.stem == DEFAULT else f" -c {source.stem if source.parent.name == 'configs' else source}"
    return STARTS.format(named=named)


def in_sandbox_time(at: float, session: Session) -> float:
    """Return a time of this machine, such as a process writes it, by the clock of the sandbox, if there is one."""
    from ert_deploy.adapters.clock import RealClock

    if not session.in_sandbox:
        return at
    return session.ports.clock.now() - (RealClock().now() - at) * session.speed


def new_run_id() -> str:
    """Return a random id of one run for the lock."""
    return secrets.token_hex(4)


@dataclass(slots=True)
class Counting:
    """Forwards events and counts the started steps."""

    progress: Progress
    steps: int = 0

    def tell(self, event: events.Event) -> None:
        """Count steps and forward every event."""
        if isinstance(events.plain(event), events.Started):
            self.steps += 1
        self.progress.tell(event)


@contextmanager
def at_work(
    deployment: Deployment, progress: Progress, *, going_down: bool = False
) -> Iterator[tuple[Session, Counting]]:
    """Yield a session that holds the lock, and the number of steps. Starts the sandbox. Raises `Busy`."""
    audience = Counting(progress)
    session = deployment.session(audience, start_sandbox=True)
    if session.in_sandbox:
        progress.note(f"sandbox on this machine: no costs, provider time runs {session.speed:g}x")
    try:
        with _locked(session, audience, going_down=going_down):
            yield session, audience
    except ErtError:
        record(session, progress)  # an interruption waits for no ledger
        raise
    record(session, progress)


@contextmanager
def _locked(session: Session, audience: Audience, *, going_down: bool) -> Iterator[None]:
    """Take the advisory lock; with `going_down`, a store that cannot be locked is no error."""
    with ExitStack() as held:
        try:
            held.enter_context(session.ports.store.lock(new_run_id()))
        except ErtError as error:
            if not going_down or isinstance(error, Busy):
                raise
            audience.tell(events.Trouble("going on without the lock", error.summary))
        yield
