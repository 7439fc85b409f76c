"""Announcement of findings: the one function that commands, and whoever runs them in a loop, call.

It never fails and never waits for a receiver: a thread remembers and sends. A command waits for that thread at its end,
for a bounded time; a loop does not have to. Without the variable that `notify/urls` names nothing is done at all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from ert_deploy.app.deployment import SILENT, Deployment, Progress
from ert_deploy.config import Settings, read_addresses
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.notices.notice import Findings, Notice, message
from ert_deploy.ports import NoticeMemory

PAUSE = 300.0  # real seconds that conditions wait for the next try, in this process, after one that failed
LONGEST_WAIT = 20.0  # real seconds: the child's time, and that of a store that is slow


@dataclass(slots=True)
class Delivery:
    """An announcement that is under way. `trouble` are lines about what was not sent, without any address."""

    thread: threading.Thread | None = None
    sent: tuple[Notice, ...] = ()
    trouble: list[str] = field(default_factory=list)

    def wait(self, progress: Progress = SILENT) -> None:
        """Wait until it is over, LONGEST_WAIT at most, and show the trouble. Never raises."""
        if self.thread is not None:
            self.thread.join(LONGEST_WAIT)
            if self.thread.is_alive():
                progress.note("notices are still being sent: not waiting any longer")
        for line in tuple(self.trouble):
            progress.note(line)


def announce(deployment: Deployment, findings: Findings) -> Delivery:
    """Send what was not sent yet, in one message, and return at once. Never raises.

    A condition that lasts is sent once, until a later look finds it over. It counts as sent if one address accepted it,
    and is tried again by the next look if none did.
    """
    settings, delivery = deployment.settings, Delivery()
    findings = findings.without(settings.notify.mute)
    if not (findings.notices or findings.over) or not os.environ.get(settings.notify.urls):
        return delivery
    try:
        addresses = addresses_of(settings)
    except ErtError as error:
        delivery.trouble += [f"no notice was sent: {error.summary}"] if findings.notices else []
        return delivery
    arguments = (settings, findings, addresses, delivery)
    delivery.thread = threading.Thread(target=_announced, args=arguments, name="notices", daemon=True)
    delivery.thread.start()
    return delivery


def addresses_of(settings: Settings) -> tuple[Secret, ...]:
    """Return the addresses, none where the variable is not set; their text is removed from all output from now on.

    Raises UsageError for what is no address, and without the extra.
    """
    from ert_deploy.adapters.extras import must_have

    found = read_addresses(settings.notify, os.environ)
    for one in found:
        text = one.reveal()
        redaction.hold(text, text.partition("://")[2])
    if found:
        must_have("apprise", "notify", "sending notices")
    return found


def _announced(settings: Settings, findings: Findings, addresses: Sequence[Secret], delivery: Delivery) -> None:
    """Remember the findings, send what is new, and forget it again where no address accepted it."""
    try:
        _send(settings, findings, addresses, delivery)
    except ErtError as error:
        delivery.trouble.append(f"no notice was sent: {error.summary}")
    except Exception as error:  # a notice fails no command; the text of an unknown error may hold an address
        delivery.trouble.append(f"no notice was sent: unforeseen {type(error).__name__}")


_failed: dict[str, float] = {}  # by deployment: when its last message was accepted by no address


def _send(settings: Settings, findings: Findings, addresses: Sequence[Secret], delivery: Delivery) -> None:
    from ert_deploy.adapters.clock import RealClock
    from ert_deploy.adapters.notify.send import send
    from ert_deploy.stores import notice_memory

    name, clock = settings.desired.deployment, RealClock()
    if name in _failed and clock.steady() - _failed[name] < PAUSE:
        # A loop does not start a process at each look. What is left out stays unsent, and a later look finds it again.
        findings = Findings(tuple(n for n in findings.notices if n.event))
    memory: NoticeMemory | None = None
    told: frozenset[str] = frozenset()
    try:
        memory = notice_memory(settings, clock)
        told = memory.change(findings.remembered)
        new = findings.news(told)
    except ErtError as error:
        # Conditions would be sent again and again; what has just happened will not.
        new = tuple(n for n in findings.notices if n.event)
        delivery.trouble.append(f"what was sent cannot be remembered: {error.summary}")
    if not new:
        return
    text = message(name, new)
    receipts = send(addresses, text, loopback_only=settings.sandbox is not None)
    for receipt in receipts:
        if not receipt.taken:
            service = receipt.service or "a service"
            delivery.trouble.append(f"a notice was not sent to address {receipt.at} ({service}): {receipt.reason}")
    if any(receipt.taken for receipt in receipts):
        delivery.sent = new
        _failed.pop(name, None)
        return
    _failed[name] = clock.steady()
    if memory is not None:
        unsent = frozenset(n.key for n in new) - told
        memory.change(lambda keys: keys - unsent)
