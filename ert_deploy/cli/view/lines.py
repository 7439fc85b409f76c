"""Formatting of events as lines of text, independent of the terminal."""

from __future__ import annotations

from typing import assert_never

from ert_deploy.core.model import events, steps
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.forecast.unknown import NEW


def line(event: events.Event) -> str:
    """Return the permanent line for this event; empty if there is none."""
    match event:
        case events.Started() | events.Booting() | events.Waiting():
            return ""
        case events.Renting() | events.Rented() | events.OfferLost() | events.CreateUnknown():
            return _renting(event)
        case events.Verified() | events.Retired() | events.Destroyed() | events.KeysSet() | events.Trouble():
            return _machine(event)
        case events.Woken() | events.Stopped() | events.Stranded() | events.LimitsSet():
            return _power(event)
        case events.Wrote() | events.DeploySeen() | events.Proven():
            return _app(event)
        case events.OfReplica(replica, own):
            return _of(replica, line(own))
        case _:
            assert_never(event)


def _of(replica: int, text: str) -> str:
    return f"replica {replica}: {text}" if text else ""


def _renting(event: events.Renting | events.Rented | events.OfferLost | events.CreateUnknown) -> str:
    match event:
        case events.Renting(offer, rank, of, expected, hourly):
            return (
                f"renting offer {offer.id}: {offer.gpu_name}, {offer.geolocation or 'unknown place'}, "
                f"${hourly:.4f}/h, {offer.inet_down:.0f} Mb/s (rank {rank} of {of}, ${expected:.2f} expected)"
            )
        case events.Rented(instance_id, offer):
            return f"rented instance {instance_id} on machine {offer.machine_id}"
        case events.OfferLost(offer):
            return f"offer {offer.id} was taken; nothing was rented"
        case events.CreateUnknown(token, why):
            return f"create {token[:8]} returned no usable response ({why}); it is watched"
        case _:
            assert_never(event)


def _machine(event: events.Verified | events.Retired | events.Destroyed | events.KeysSet | events.Trouble) -> str:
    match event:
        case events.Verified(instance, health, digest):
            where = instance.address.url() if instance.address else "?"
            proved = f"its certificate (sha256 {digest[:16]})"
            return f"verified {where} and {proved}, {health.model} on {health.engine}"
        case events.Retired(instance_id, reason):
            return f"destroying instance {instance_id}: {reason}"
        case events.Destroyed(instance_id, paid):
            cost = f"; it cost at most ${paid:.4f}" if paid is not None else ""
            return f"destroyed instance {instance_id}: absent from the list and by id{cost}"
        case events.KeysSet(instance_id, names):
            return f"instance {instance_id} now accepts only key {' and key '.join(names)}"
        case events.Trouble(what, why):
            return f"{what}: {why}"
        case _:
            assert_never(event)


def _power(event: events.Woken | events.Stopped | events.Stranded | events.LimitsSet) -> str:
    match event:
        case events.Woken(instance_id):
            return f"started instance {instance_id}: its disk has the image and the model"
        case events.LimitsSet(instance_id, idle, boot, lifetime):
            return f"instance {instance_id} now stops after {idle} s idle or {lifetime} s in all (boot: {boot} s)"
        case events.Stopped(instance_id):
            return f"stopped instance {instance_id}; its disk is kept"
        case events.Stranded(instance_id, why):
            return f"instance {instance_id} cannot be started ({why}); another one is rented in its place"
        case _:
            assert_never(event)


def _app(event: events.Wrote | events.DeploySeen | events.Proven) -> str:
    match event:
        case events.Wrote(service, written, deleted):
            parts = [f"wrote {', '.join(written)}"] if written else []
            parts += [f"deleted {', '.join(deleted)}"] if deleted else []
            return f"{service}: {'; '.join(parts)}"
        case events.DeploySeen(service, deploy_id, status):
            return f"{service}: deploy {deploy_id} is {status}"
        case events.Proven(service, app_url, fingerprint):
            return f"{service}: {app_url} runs the new configuration (fingerprint {fingerprint})"
        case _:
            assert_never(event)


def passing(event: events.Event) -> str:
    """Return the temporary line that describes the current activity; empty if the event does not change it.

    What is booting has a line of its own, by `Boots`.
    """
    match event:
        case events.Waiting(what, seconds):
            return f"waiting for {what} ({seconds:.0f} s)"
        case events.Started(step):
            return "" if isinstance(step, steps.AwaitBoot) else f"{verb(step)}"
        case events.OfReplica(replica, own):
            return _of(replica, passing(own))
        case _:
            return ""


SYMBOLS = {
    steps.Rent: "+",
    steps.WriteMarkers: "~",
    steps.RecordInstance: "~",
    steps.Pin: "~",
    steps.AddKey: "+",
    steps.DropKeys: "-",
    steps.SetLimits: "~",
    steps.Publish: "~",
    steps.Deploy: "~",
    steps.Wake: "+",
    steps.Strand: "~",
    steps.Stop: "-",
    steps.Retire: "-",
    steps.Destroy: "-",
    steps.ConfirmDeleted: "-",
    steps.DropIntent: "-",
    steps.DropRecord: "-",
}


def symbol(step: steps.Step) -> str:
    """Return `+` for creation, `~` for changes, `-` for deletion, and a space for waiting and checks."""
    return SYMBOLS.get(type(step), " ")


def verb(step: steps.Step) -> str:
    """Return a short description of the step."""
    if isinstance(step, steps.Publish | steps.Deploy | steps.Prove):
        return _app_verb(step)
    match step:
        case steps.Rent():
            return "rent a GPU"
        case steps.WriteMarkers(targets):
            return f"write a mark into {', '.join(targets)}"
        case steps.AwaitBoot(instance_id):
            return f"boot {_named(instance_id)} and verify its identity and health"
        case steps.Drain(instance_id):
            return f"let requests to {_named(instance_id)} finish"
        case steps.Settle(token):
            return f"wait for create {token[:8]} to appear"
        case steps.DropIntent(token):
            return f"drop create {token[:8]}"
        case steps.AwaitTurn():
            return "wait for another replica"
        case _:
            return f"{_MACHINE_VERBS[type(step)]} {_named(step.instance_id)}"


_MACHINE_VERBS = {
    steps.RecordInstance: "record",
    steps.DropRecord: "drop the record of",
    steps.Pin: "pin the certificate of",
    steps.AddKey: "add a new key to",
    steps.DropKeys: "remove the old key from",
    steps.SetLimits: "send the limits of the guard to",
    steps.Wake: "start",
    steps.Strand: "cancel the start of",
    steps.Stop: "stop",
    steps.AwaitStop: "wait for the stop of",
    steps.Retire: "retire",
    steps.Destroy: "destroy",
    steps.ConfirmDeleted: "confirm the removal of",
    steps.AwaitGone: "wait for the removal of",
}


def _named(instance_id: InstanceId | None) -> str:
    if instance_id == NEW:
        return "the new instance"
    return f"instance {instance_id}" if instance_id is not None else "it"


def _app_verb(step: steps.AppStep) -> str:
    match step:
        case steps.Publish(target, write, delete):
            parts = [f"write {', '.join(write)}"] if write else []
            parts += [f"delete {', '.join(delete)}"] if delete else []
            return f"{target}: {'; '.join(parts)}"
        case steps.Deploy(target):
            return f"{target}: deploy without a build"
        case steps.Prove(target, fingerprint):
            return f"{target}: wait until the running app returns {fingerprint or 'the new fingerprint'}"
        case _:
            assert_never(step)
