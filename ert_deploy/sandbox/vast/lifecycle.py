"""Lifecycle of an instance: its transitions over time and by request.

    provisioning -> created -> pulling -> starting -> running -> stopping -> stopped -> resuming -> starting ..

Each transition is recorded with the `WorldClock` time at which it was due, even if it is processed later, so status and
bill do not depend on polling. Sources: Vast docs (instance life cycle, pricing), and field reports for the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from ert_deploy.sandbox.runtime.machines import Machines
from ert_deploy.sandbox.vast.billing import Transfer, close_span, close_transfers, open_span
from ert_deploy.sandbox.vast.contract import Contract, Phase
from ert_deploy.sandbox.vast.faults import Troubles
from ert_deploy.sandbox.vast.images.pull import refusal
from ert_deploy.sandbox.vast.market import HOURS_PER_MONTH
from ert_deploy.sandbox.vast.options import Options

OCI = (  # F23
    "Error response from daemon: failed to create task for container: failed to create shim task: "
    "OCI runtime create failed: runc create failed: unable to start container process"
)
CLASH = "Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0:{} failed: "
CLASH += "port is already allocated"
FORMAT = "exec /opt/ert/bin/python: exec format error"
RESTARTED = frozenset({Phase.RESUMING, Phase.REBOOTING})


class Life:
    """Moves instances between phases. `launch` starts the process; `readdress` updates the address after a restart."""

    def __init__(
        self,
        options: Options,
        troubles: Troubles,
        machines: Machines,
        launch: Callable[[Contract], None],
        readdress: Callable[[Contract], None],
    ) -> None:
        self._options = options
        self._pace = options.pace
        self._troubles = troubles
        self._machines = machines
        self._launch = launch
        self._readdress = readdress

    def begin(self, contract: Contract, at: float) -> None:
        """Start the costs of the disk of a new instance, and set its first phase."""
        open_span(contract.meter.storage, at, contract.order.disk * contract.ask.storage_cost / HOURS_PER_MONTH)
        contract.enter(Phase.PROVISIONING if contract.current == "running" else Phase.STOPPED, at)

    def advance(self, contract: Contract, now: float) -> None:
        """Apply all transitions that were due by `now`."""
        while contract.destroyed is None:
            due = self._due(contract)
            if due is None or due > now:
                return
            self._step(contract, due)

    def _due(self, contract: Contract) -> float | None:
        match contract.phase:
            case Phase.PROVISIONING:
                late = self._troubles.on("never_starts", contract) is not None
                return None if late else contract.since + self._pace.provision
            case Phase.CREATED:
                return contract.since + self._pace.create
            case Phase.PULLING:
                return _arrival(contract)
            case Phase.STARTING:
                return contract.since + self._pace.boot
            case Phase.RESUMING | Phase.STOPPING | Phase.REBOOTING:
                return None if self._machines.alive(contract.id) else contract.since + self._pause(contract.phase)
            case _:
                return None

    def _pause(self, phase: Phase) -> float:
        pauses = {Phase.RESUMING: self._pace.resume, Phase.STOPPING: self._pace.stop}
        return pauses.get(phase, self._pace.reboot)

    def _step(self, contract: Contract, at: float) -> None:
        match contract.phase:
            case Phase.PROVISIONING:
                contract.enter(Phase.CREATED, at)
            case Phase.PULLING:
                self._pulled(contract, at)
            case Phase.STARTING:
                self._started(contract, at)
            case Phase.STOPPING:
                contract.enter(Phase.STOPPED, at)
            case _:
                self._prepare(contract, at)

    def _prepare(self, contract: Contract, at: float) -> None:
        """Continue towards a running container; a missing image is downloaded first."""
        if contract.phase in RESTARTED:
            # F22
            self._readdress(contract)
        if contract.image_left > 0:
            contract.enter(Phase.PULLING, at)
            refused = refusal(contract.order.image, contract.order.login)
            if refused is None:
                self.retime(contract, at)
            else:
                self._fail_pull(contract, at, refused)
        else:
            contract.enter(Phase.STARTING, at)

    def retime(self, contract: Contract, now: float) -> None:
        """Restart the download with the speed and limit of the active faults."""
        if contract.phase is not Phase.PULLING:
            return
        self._close_transfers(contract, now)
        slow = self._troubles.on("pull_slow", contract)
        stall = self._troubles.on("pull_stalls", contract)
        speed = contract.ask.inet_down * contract.ask.delivered / 8000
        left = contract.image_left
        if stall is not None:
            left = max(0.0, left - self._options.image_gb * (1.0 - stall.number("at")))
        speed = speed / slow.number("factor") if slow is not None else speed
        contract.meter.transfers.append(Transfer(now, speed, left, contract.ask.inet_down_cost))

    def _pulled(self, contract: Contract, at: float) -> None:
        self._close_transfers(contract, at)
        failure = self._troubles.use("pull_fails", contract.ask, contract)
        if failure is None:
            contract.image_left = 0.0
            contract.enter(Phase.STARTING, at)
            return
        self._fail_pull(contract, at, str(failure.details["message"]))

    def _fail_pull(self, contract: Contract, at: float, message: str) -> None:
        contract.image_left = self._options.image_gb
        contract.intended = contract.current = "stopped"
        contract.enter(Phase.PULL_FAILED, at, f"Error response from daemon: {message}")

    def _started(self, contract: Contract, at: float) -> None:
        if contract.ask.flaw == "oci" or self._troubles.use("oci_failure", contract.ask, contract):
            contract.enter(Phase.BROKEN, at, OCI)
            return
        if contract.clashes:
            contract.enter(Phase.BROKEN, at, CLASH.format(next(iter(contract.ports.values()), 0)))
            return
        if contract.ask.cpu_arch != "amd64":
            # F20
            contract.enter(Phase.EXITED, at, FORMAT)
            open_span(contract.meter.gpu, at, contract.gpu_rate())
            return
        try:
            if self._troubles.on("unreachable", contract) is None:
                self._launch(contract)
        except OSError as error:
            contract.enter(Phase.BROKEN, at, f"{OCI}: {error.strerror}")
            return
        contract.ran = True
        contract.enter(Phase.RUNNING, at, f"success, running {contract.order.image}/{contract.order.runtype}")
        open_span(contract.meter.gpu, at, contract.gpu_rate())
        if contract.model_left > 0:
            speed = contract.ask.inet_down * contract.ask.delivered / 8000
            contract.meter.transfers.append(Transfer(at, speed, contract.model_left, contract.ask.inet_down_cost))

    def ended(self, contract: Contract, now: float) -> None:
        """Handle the exit of the container's process. The GPU still costs money until the instance is stopped."""
        if contract.phase is Phase.RUNNING:
            self._close_transfers(contract, now)
            contract.enter(Phase.EXITED, now, contract.message)

    def stop(self, contract: Contract, now: float) -> None:
        """Stop the instance at once, and the container after its grace period."""
        contract.intended = contract.current = "stopped"
        contract.queued = contract.outbid = False
        self._close(contract, now)
        if contract.phase in (Phase.RUNNING, Phase.REBOOTING):
            contract.enter(Phase.STOPPING, now, contract.message)
            self._machines.end(contract.id, self._pace.stop_grace)
        elif contract.phase not in (Phase.STOPPING, Phase.STOPPED, Phase.OFFLINE):
            contract.enter(Phase.STOPPED, now, contract.message)

    def start(self, contract: Contract, now: float) -> None:
        """Start the instance; without effect on a running one."""
        contract.intended = contract.current = "running"
        contract.queued = contract.outbid = False
        if contract.phase in (Phase.STOPPED, Phase.STOPPING, Phase.EXITED, Phase.PULL_FAILED):
            contract.enter(Phase.RESUMING if contract.ran else Phase.PROVISIONING, now)

    def reboot(self, contract: Contract, now: float, *, recycle: bool = False) -> None:
        """Start another process on the same GPU; with `recycle` with an empty disk and after another download."""
        self._close_transfers(contract, now)
        self._machines.end(contract.id, self._pace.stop_grace, wipe=recycle)
        if recycle:
            contract.image_left = self._options.image_gb
            contract.model_left = self._options.model_gb.get(contract.order.env.get("ERT_MODEL", ""), 0.0)
        contract.enter(Phase.REBOOTING, now)

    def rebid(self, contract: Contract, now: float, price: float) -> None:
        """Change the bid; a running instance costs the new price from now on."""
        contract.bid = price
        if contract.meter.gpu and contract.meter.gpu[-1].end is None:
            open_span(contract.meter.gpu, now, price)

    def forget_model(self, contract: Contract, now: float) -> None:
        """Stop the assumed download of the model, because the caller bills the actual one."""
        if contract.phase is not Phase.PULLING:
            self._close_transfers(contract, now)
        contract.model_left = 0.0

    # F19
    def destroy(self, contract: Contract, now: float) -> None:
        """Delete the instance and its disk, and end all costs."""
        self._close(contract, now)
        close_span(contract.meter.storage, now)
        contract.destroyed = now
        contract.intended = contract.current = "stopped"
        self._machines.end(contract.id, self._pace.destroy_grace, wipe=True)

    # F21
    def lose_host(self, contract: Contract, now: float) -> None:
        """Take the host offline: kill the process and end all costs."""
        self._close(contract, now)
        close_span(contract.meter.storage, now)
        self._machines.kill(contract.id)
        contract.enter(Phase.OFFLINE, now, contract.message)

    def find_host(self, contract: Contract, now: float) -> None:
        """Bring the host back online and start the instance if it should be running."""
        open_span(contract.meter.storage, now, contract.order.disk * contract.ask.storage_cost / HOURS_PER_MONTH)
        contract.enter(Phase.STOPPED, now, contract.message)
        if contract.current == "running":
            self.start(contract, now)

    def _close(self, contract: Contract, now: float) -> None:
        close_span(contract.meter.gpu, now)
        self._close_transfers(contract, now)

    def _close_transfers(self, contract: Contract, now: float) -> None:
        arrived = sum(one.gigabytes(now) for one in contract.meter.transfers if one.end is None)
        close_transfers(contract.meter.transfers, now)
        if contract.phase is Phase.PULLING:
            contract.image_left = max(0.0, contract.image_left - arrived)
        else:
            contract.model_left = max(0.0, contract.model_left - arrived)


def _arrival(contract: Contract) -> float | None:
    """Return the time at which the image download completes, or None if it never does."""
    transfer = contract.meter.transfers[-1]
    return None if transfer.limit < contract.image_left else transfer.start + transfer.limit / transfer.speed
