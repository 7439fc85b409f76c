"""Web host of the simulator: services with an environment, sequential deploys, and the running version."""

from __future__ import annotations

from ert_deploy.core.model.app.target import Target
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.replica import numbered
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import fingerprint
from ert_deploy.ports import WebService

NAMES_OF = {number: numbered(Target(""), number).names for number in range(1, MOST_REPLICAS + 1)}
NAMES = NAMES_OF[1]
OWNED = frozenset(name for names in NAMES_OF.values() for name in names.all())
NEIGHBOURS = {"OTHER": Secret("kept"), "DATABASE_URL": Secret("postgres://x")}
TAKES = 20.0  # seconds of a deploy


class Service:
    """One web service: its environment, the fingerprint reported by the running process, and its deploys."""

    __slots__ = (
        "deploys",
        "env",
        "former",
        "id",
        "name",
        "queued",
        "replicas",
        "running",
        "seen",
        "shown",
        "snapshots",
        "told",
        "url",
        "used",
    )

    def __init__(self, name: str) -> None:
        self.name, self.id, self.url = name, f"srv-{name}", f"https://{name}.example.org"
        self.env: dict[str, Secret] = dict(NEIGHBOURS)
        self.running: dict[str, Secret] = {}
        self.replicas = 1  # the sets of variables that it looks for
        # By replica: `running`, unless only partially written: the app does not accept that.
        self.used: dict[int, dict[str, Secret]] = {}
        self.former: tuple[dict[int, dict[str, Secret]], float] = {}, 0.0  # values used previously, and their end time
        self.shown: dict[int, str | None] = {}
        self.deploys: list[WebDeploy] = []
        self.snapshots: dict[str, tuple[dict[str, Secret], bool]] = {}
        self.queued = False
        self.told = 0  # generation of the newest state that an agent has told this process
        self.seen = WebService(self.id, name, self.url, "tea-1")

    def take(self, other: Service) -> None:
        """Copy the state of another service with the same name."""
        self.env, self.running, self.shown = dict(other.env), other.running, other.shown
        self.used, self.former = other.used, other.former
        self.deploys, self.snapshots, self.queued = list(other.deploys), dict(other.snapshots), other.queued

    def neighbours_kept(self) -> bool:
        """Whether every variable not in `OWNED` is unchanged."""
        return {k: v for k, v in self.env.items() if k not in OWNED} == NEIGHBOURS

    def start(self, number: int, now: float, fails: bool) -> WebDeploy:
        """Start a deploy of the current environment."""
        made = WebDeploy(f"dep-{number}", "update_in_progress", DeployKind.IN_FLIGHT, now)
        self.deploys.append(made)
        self.snapshots[made.id] = dict(self.env), fails
        return made

    def in_use(self, url: Secret, since: float) -> set[str]:
        """Return the SHA-256 of the keys it has sent to the backend at that address since `since`."""
        used = (*self.used.items(), *(self.former[0].items() if self.former[1] > since else ()))
        found = ((NAMES_OF[number], env) for number, env in used)
        return {env[names.key].sha256() for names, env in found if env.get(names.url) == url and names.key in env}

    def uses(self, url: Secret) -> bool:
        """Whether the running process has a set of variables with this address."""
        return any(env.get(NAMES_OF[number].url) == url for number, env in self.used.items())

    def points_to(self, url: Secret) -> bool:
        """Whether the environment has this address."""
        return any(self.env.get(names.url) == url for names in NAMES_OF.values())

    def points(self, replica: int) -> bool:
        """Whether the environment has an address or a key of this replica."""
        names = NAMES_OF[replica]
        return names.url in self.env or names.key in self.env or names.certificate in self.env

    def in_flight(self) -> WebDeploy | None:
        """Return the deploy in progress, which is always the latest one, or None."""
        newest = self.deploys[-1] if self.deploys else None
        return newest if newest is not None and newest.kind is DeployKind.IN_FLIGHT else None

    def becomes_another(self) -> bool:
        """Whether a deploy in progress has other variables than the environment."""
        made = self.in_flight()
        return made is not None and self.snapshots[made.id][0] != self.env

    def mark(self, made: WebDeploy, status: str, kind: DeployKind) -> None:
        """Set the status of a deploy."""
        place = next(i for i, d in enumerate(self.deploys) if d.id == made.id)
        self.deploys[place] = WebDeploy(made.id, status, kind, made.created)

    def end(self, deploy_id: str, now: float) -> bool:
        """Complete a deploy, unless it was replaced. Return True if a queued one must start now."""
        made = self.in_flight()
        if made is None or made.id != deploy_id:
            return False
        env, fails = self.snapshots[deploy_id]
        if fails:
            self.mark(made, "update_failed", DeployKind.FAILED)
        else:
            for older in self.deploys:
                if older.kind is DeployKind.LIVE:
                    self.mark(older, "deactivated", DeployKind.REPLACED)
            self.mark(made, "live", DeployKind.LIVE)
            self.running, self.former = env, (self.used, now)
            self.shown = {number: self._whole(number) for number in range(1, self.replicas + 1)}
            self.used = {number: env for number, shown in self.shown.items() if shown is not None}
            self.told = 0
        queued, self.queued = self.queued, False
        return queued

    def follow(self, env: dict[str, Secret], now: float) -> None:
        """Go on with another address, certificate and key than those of its variables."""
        self.former, self.used = (self.used, now), {**self.used, 1: env}
        self.shown = {**self.shown, 1: env[NAMES.fingerprint].reveal()}

    def roll_back(self, now: float) -> None:
        """Run the version from before the first write: it has no variables of the deployment and no fingerprint."""
        self.former, self.running, self.used, self.shown = (self.used, now), dict(NEIGHBOURS), {}, {}

    def _whole(self, replica: int) -> str | None:
        """Return the fingerprint of the running variables of a replica, or None if they are inconsistent."""
        names = NAMES_OF[replica]
        own = {name: self.running[name] for name in names.all() if name in self.running and name != names.fingerprint}
        shown = self.running.get(names.fingerprint)
        return shown.reveal() if shown is not None and shown.reveal() == fingerprint(own) else None
