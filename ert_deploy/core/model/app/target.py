"""Target: a web service that uses a backend, and the names of the variables from which it reads how."""

from __future__ import annotations

from dataclasses import dataclass, field

USE_IN_PREVIEWS = "use"  # the value that lets a preview use the backend; without it the variable does not exist


@dataclass(frozen=True, slots=True)
class OwnedNames:
    """Names of the variables from which an app reads its configuration; the defaults are those of ERT."""

    url: str = "ERT_LLM_BACKEND_URL"
    key: str = "ERT_LLM_API_KEY"
    certificate: str = "ERT_LLM_CA_CERT"
    timeout: str = "ERT_LLM_TIMEOUT"
    fingerprint: str = "ERT_LLM_CONFIG_FINGERPRINT"
    enabled: str = "REMOTE_LLM_INTEGRATION"
    previews: str = "ERT_LLM_PREVIEWS"
    model: str = "ERT_LLM_MODEL"
    disabled: tuple[str, ...] = ("OLLAMA_INTEGRATION", "OPENAI_INTEGRATION")

    def all(self) -> tuple[str, ...]:
        """Return all names in the order of writing, the fingerprint last."""
        switches = (self.previews, self.model, *self.disabled)
        return (self.enabled, self.url, self.key, self.timeout, self.certificate, *switches, self.fingerprint)


@dataclass(frozen=True, slots=True)
class Target:
    """Web service that uses the backend. `timeout` in seconds.

    `allow_downtime` permits a deploy that interrupts the service, as it does for a service with a disk. `address` is
    the public address of the app; None selects that of its host. `previews`: a preview may use the backend, as a
    copy of the service or as the service itself. `follows` are the seconds in which the app takes up another address
    by itself, before it is deployed for it; 0 if it does not.
    """

    service: str
    names: OwnedNames = field(default_factory=OwnedNames)
    timeout: int = 180
    health_path: str = "/health"
    health_field: str = "fingerprint"
    allow_downtime: bool = False
    address: str | None = None
    previews: bool = False
    follows: float = 0.0

    def reached_at(self, given: str) -> str:
        """Return the public address of the app; `given` is the one that its host reports."""
        return self.address or given
