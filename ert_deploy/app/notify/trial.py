"""`notify test`: send one message to each address, to see that it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.app.deployment import Config, opened
from ert_deploy.app.notify.announce import addresses_of
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.notices.notice import Message, Severity


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the message at one address, by its position from 1; `reason` is empty if it was taken."""

    address: int
    service: str
    reason: str


def notify_test(config: Config = None) -> tuple[Tried, ...]:
    """Send a test message to every address of the config's variable. No provider is asked.

    Raises UsageError where the variable is not set or holds something else, and without the extra.
    """
    from ert_deploy.adapters.notify.send import send

    settings = opened(config).settings
    addresses = addresses_of(settings)
    if not addresses:
        raise UsageError(
            f"{settings.notify.urls} is not set, so no notice is sent",
            hint=f"export {settings.notify.urls}='mailto://... discord://...' (github.com/caronc/apprise/wiki)",
        )
    name = settings.desired.deployment
    text = Message(f"{name}: test", f"`ert-deploy notify test`: notices of {name} arrive here", Severity.INFO)
    found = send(addresses, text, loopback_only=settings.sandbox is not None)
    return tuple(Tried(one.at, one.service, one.reason) for one in found)
