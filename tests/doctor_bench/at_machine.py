"""Troubles of a machine that serves: each happens after a healthy `up`, at Vast.ai or in the container."""

from __future__ import annotations

import shutil

from tests.doctor_bench.world import World

VAST_READS = ("list", "list_v0", "show", "user", "search", "filters")
VAST_CALLS = (*VAST_READS, "create", "manage", "destroy", "secrets", "keys", "reboot", "logs", "charges")
PAGE = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"
LOGIN_PAGE = {"Location": "http://127.0.0.1:9/hotel-login"}
TOO_MANY = '{"detail": "API requests too frequent endpoint threshold=1.0"}'
TWO_FACTOR = '{"success": false, "error": "auth_error", "msg": "Two-factor session expired: please log in again (2FA)"}'


def credit_gone(world: World) -> None:
    """Use up the credit, so that Vast stops everything."""
    machine = world.machine
    world.trouble("credit", value=0)
    world.until(lambda: world.status_of(machine) != "running", 60)


def stopped_in_console(world: World) -> None:
    """Stop the instance in the console."""
    machine = world.machine
    world.vast("PUT", f"instances/{machine}/", {"state": "stopped"})
    world.until(lambda: world.status_of(machine) != "running", 60)


def destroyed_in_console(world: World) -> None:
    """Destroy the instance in the console."""
    world.vast("DELETE", f"instances/{world.machine}/", {})


def host_offline(world: World) -> None:
    """Let the host lose its connection."""
    machine = world.machine
    world.trouble("offline", instance_id=machine)
    world.until(lambda: world.status_of(machine) == "offline", 30)


def container_exited(world: World) -> None:
    """Kill the container's first process."""
    machine = world.machine
    world.trouble("crash", instance_id=machine)
    world.until(lambda: world.status_of(machine) == "exited", 30)


def backend_hung(world: World) -> None:
    """Freeze guard and backend, so that the port is open and nothing responds."""
    world.freeze(world.machine, "ert_backend")


def model_lost(world: World) -> None:
    """Restart the container after the model was removed from its disk and from the registry of models."""
    machine, empty = world.machine, world.folder / "no-models"
    empty.mkdir()
    world.trouble("machine_env", env={"ERT_SANDBOX_MODELS": str(empty)})
    shutil.rmtree(world.disk(machine) / "models")
    world.reboot(machine)
    world.until(world.unhealthy, 60)


def port_moved(world: World) -> None:
    """Restart the container, after which its port is published under another number."""
    world.trouble("ports_change")
    world.reboot(world.machine)


def address_moved(world: World) -> None:
    """Restart the container, after which the host has another address."""
    world.trouble("ip_changes")
    world.reboot(world.machine)


def keys_file_broken(world: World) -> None:
    """Restart the container with a damaged file of its keys."""
    machine = world.machine
    (world.disk(machine) / "keys.json").write_text('{"generation": 1, "hash')
    world.reboot(machine)


def contract_near(world: World) -> None:
    """Let the host's contract end in half an hour."""
    world.trouble("contract_end", seconds=1800, instance_id=world.machine)


def contract_over(world: World) -> None:
    """Let the host's contract end now."""
    machine = world.machine
    world.trouble("contract_end", instance_id=machine)
    world.until(lambda: world.status_of(machine) != "running", 60)


def price_raised(world: World) -> None:
    """Let the host prolong its contract only at twice the price, and soon."""
    machine = world.machine
    world.trouble("price_increase", factor=2.0, instance_id=machine)
    world.trouble("contract_end", seconds=3600, instance_id=machine)


def off_switch_lost(world: World) -> None:
    """Restart the container with a key that the provider rejects, so that it cannot stop itself any more."""
    world.trouble("machine_env", env={"CONTAINER_API_KEY": "not-the-key-of-this-instance"})
    world.reboot(world.machine)


def label_edited(world: World) -> None:
    """Rename the instance in the console, and lose the state that would still know it."""
    world.vast("PUT", f"instances/{world.machine}/", {"label": "my llm, do not touch"})
    world.state.unlink()


def label_copied(world: World) -> None:
    """Rent another machine in the console, with a copy of the label."""
    (row,) = world.machines()
    world.rent(str(row["label"]), {})


def stray(world: World) -> None:
    """Leave a second machine of the deployment that no state knows, as a run from another folder does."""
    (row,) = world.machines()
    token = "5" * 32
    env = {str(name): str(value) for name, value in row["extra_env"]} | {"ERT_TOKEN": token}
    world.rent(f"ert1:ert-sandbox:{token}", env, image=str(row["image_uuid"]))


def key_revoked(world: World) -> None:
    """Delete the key in the console while the deployment runs."""
    number = world.limited_key("instance_read", "instance_write", "misc", "user_read")
    world.vast("DELETE", f"auth/apikeys/{number}/")


def key_lacks_read(world: World) -> None:
    """Replace the key by one that may not read instances."""
    world.limited_key("misc", "user_read")


def two_factor_expired(world: World) -> None:
    """Let the account's login expire."""
    world.faults("vast", *VAST_CALLS, status=401, body=TWO_FACTOR)


def vast_down(world: World) -> None:
    """Let Vast's front end return 503 to everything."""
    world.faults("vast", *VAST_CALLS, status=503, body=PAGE, content_type="text/html")


def vast_unreachable(world: World) -> None:
    """Close every connection to Vast."""
    world.faults("vast", *VAST_CALLS, reset=True)


def captive_portal(world: World) -> None:
    """Work from a network that sends every request to its login page."""
    world.faults("vast", *VAST_CALLS, status=302, body="", headers=LOGIN_PAGE)


def vast_rate_limit(world: World) -> None:
    """Let another client with the same key use up Vast's rate limits."""
    world.faults("vast", *VAST_CALLS, status=429, body=TOO_MANY)
