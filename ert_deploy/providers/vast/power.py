"""Power of a contract on Vast.ai: one word for its three status fields.

`actual_status` is the container's, `intended_status` and `cur_state` are the contract's. A contract that is meant to be
stopped counts as stopped only when both say so; one that is not, and whose container has ended, has failed or was
outbid.
"""

from __future__ import annotations

from ert_deploy.core.model.observed import Power

ENDED = frozenset({"exited", "stopped", "offline", "unknown"})  # of a container


def power_of(status: str | None, intended: str | None, current: str | None) -> Power:
    """Return the power for `actual_status`, `intended_status` and `cur_state`."""
    if intended == "stopped":
        return Power.STOPPED if current == "stopped" else Power.STOPPING
    if status in ENDED:
        return Power.EXITED if status == "exited" else Power.UNKNOWN
    return Power.RUNNING if status == "running" and current != "stopped" else Power.STARTING


def outbid(bids: object, current: object, ours: object, lowest: object) -> bool:
    """Whether a stopped contract cannot run by its bid: `dph_base`, its price, is below `min_bid`, the least that wins.

    The three status fields of one that was outbid are those of one that was asked to stop.
    """
    if bids is not True or current != "stopped":
        return False
    return isinstance(ours, int | float) and isinstance(lowest, int | float) and ours < lowest
