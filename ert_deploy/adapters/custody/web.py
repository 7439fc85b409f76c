"""Web host with custody: a web host whose hidden values are read from where they are kept.

What is kept may be old, as another machine has a custody of its own. It is believed for a service only as a whole, and
only while the state has the same fingerprint, a hash of all the values: exactly this was deployed there then.
A value that is not proven stays hidden, and is then written again, a key as another key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ert_deploy.core import redaction
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.core.model.provider import Platform
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.planning.app_env import fingerprint
from ert_deploy.ports import KeyCustody, LogLine, WebHost, WebService

Deployed = Callable[[str], str]


class CustodyWeb:
    """`host` with values from `custody`. `deployed` returns the fingerprint last deployed to a service, or "".

    A value is forgotten before it is changed at the host and kept after that: between the two nobody relies on it.
    """

    def __init__(self, host: WebHost, custody: KeyCustody, names: Mapping[str, OwnedNames], deployed: Deployed) -> None:
        self._host = host
        self._custody = custody
        self._targets = names
        self._deployed = deployed
        self._names: dict[str, OwnedNames] = {}  # by the id of the service
        self._known: dict[str, dict[str, Secret]] = {}  # what this process has proven or written itself

    @property
    def platform(self) -> Platform:
        """That of the host."""
        return self._host.platform

    def service(self, target: str) -> WebService:
        """Return the service of that id or name. Raises what the host raises."""
        found = self._host.service(target)
        self._names[found.id] = self._targets.get(target, OwnedNames())
        return found

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        """Return all variables; `HIDDEN` for a value that neither is shown nor is proven. `UsageError` as `kept`."""
        shown = self._host.read_env(service_id)
        if HIDDEN not in shown.values():
            return shown
        known = self._believed(service_id)
        redaction.HELD.hold_named({name: value.reveal() for name, value in known.items()})
        return {name: known.get(name, HIDDEN) if value == HIDDEN else value for name, value in shown.items()}

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        """Return the names from linked groups. Raises what the host raises."""
        return self._host.read_groups(service)

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        """Set one variable and keep its value; a `HIDDEN` one stays as it is. Raises what host or custody raises."""
        if value == HIDDEN:
            return
        self._forget(service_id, name)
        self._host.put_env(service_id, name, value)
        self._custody.keep(service_id, {**self._custody.kept(service_id), name: value})
        self._known.setdefault(service_id, {})[name] = value

    def delete_env(self, service_id: str, name: str) -> None:
        """Remove one variable, here and there. Raises what host or custody raises."""
        self._forget(service_id, name)
        self._host.delete_env(service_id, name)

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        """Return the most recently created deploy. Raises what the host raises."""
        return self._host.newest_deploy(service_id)

    def deploy(self, service_id: str) -> WebDeploy | None:
        """Start a deploy. Raises what the host raises."""
        return self._host.deploy(service_id)

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        """Return one deploy by id. Raises what the host raises."""
        return self._host.get_deploy(service_id, deploy_id)

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        """Return why a deploy failed. Never raises."""
        return self._host.failure(service, deploy)

    def instances(self, service_id: str) -> tuple[str, ...]:
        """Return the ids of the instances of a service. Raises what the host raises."""
        return self._host.instances(service_id)

    def logs(self, service: WebService, tail: int) -> tuple[LogLine, ...]:
        """Return the last lines of a service's log. Raises what the host raises."""
        return self._host.logs(service, tail)

    def _believed(self, service_id: str) -> Mapping[str, Secret]:
        """Return what is sure to be at the host: what this process knows, else what is kept and proven."""
        deployed, names = self._last_deployed(service_id), self._names.get(service_id, OwnedNames())
        known = self._known.get(service_id)
        if known is not None and deployed and known.get(names.fingerprint) != Secret(deployed):
            del self._known[service_id]  # another run has deployed since
            known = None
        if known is None:
            kept = {name: value for name, value in self._custody.kept(service_id).items() if name in names.all()}
            proof = fingerprint({name: value for name, value in kept.items() if name != names.fingerprint})
            if not deployed or deployed != proof or kept.get(names.fingerprint) != Secret(proof):
                return {}
            known = self._known[service_id] = kept
        return known

    def _last_deployed(self, service_id: str) -> str:
        try:
            return self._deployed(service_id)
        except ErtError:
            return ""  # an unreadable state is no proof; whether to go on without it is the engine's matter

    def _forget(self, service_id: str, name: str) -> None:
        self._known.get(service_id, {}).pop(name, None)
        kept = self._custody.kept(service_id)
        if name in kept:
            self._custody.keep(service_id, {other: value for other, value in kept.items() if other != name})
