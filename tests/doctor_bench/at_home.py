"""Troubles on the operator's own side: the state file, the config, the clock and the lock, after a healthy `up`."""

from __future__ import annotations

import json
import os

from tests.doctor_bench.world import World

NOBODY = 65534
SOMEBODY = {"id": 7, "email": "other@example.com", "credit": 3.0}
NOTHING = {"success": True, "instances": [], "total_instances": 0, "next_token": None}


def state_deleted(world: World) -> None:
    """Delete the state file."""
    world.state.unlink()


def state_corrupt(world: World) -> None:
    """Cut the state file in the middle, as a full disk does."""
    text = world.state.read_text()
    world.state.write_text(text[: len(text) // 2])


def state_newer(world: World) -> None:
    """Let a later release write the state."""
    said = json.loads(world.state.read_text())
    said["version"] = 99
    said["state"]["version"] = 99
    world.state.write_text(json.dumps(said))


def state_read_only(world: World) -> None:
    """Make state and folder read-only, as a read-only mount does."""
    world.without_root()
    for path in world.state.parent.glob("ert-sandbox.json*"):
        path.chmod(0o400)
    world.state.parent.chmod(0o500)


def state_of_another_user(world: World) -> None:
    """Let the state belong to another user, as after a run with sudo."""
    os.chown(world.state, NOBODY, NOBODY)


def state_disk_unmounted(world: World) -> None:
    """Replace the state by a link to a disk that is not mounted."""
    world.state.unlink()
    world.state.symlink_to("/mnt/not-mounted/ert-sandbox.json")


def state_key_missing(world: World) -> None:
    """Sign the state, and forget the key in the next shell."""
    world.extra["ERT_STATE_KEY"] = "7" * 64
    world.run("state", "sign", "--yes", code=0)
    del world.extra["ERT_STATE_KEY"]


def other_account(world: World) -> None:
    """Use a key of another account at Vast."""
    world.faults("vast", "user", status=200, body=json.dumps(SOMEBODY))
    world.faults("vast", "list", status=200, body=json.dumps(NOTHING))


def owner_changed(world: World) -> None:
    """Change the owner in the config, as a copy of the config for another project has it."""
    world.rewrite("owner: the-sandbox", "owner: another-project")


def same_name_elsewhere(world: World) -> None:
    """Run the config of a second project of the same name, for an app of its own, on the same state."""
    world.add_service("their-app")
    world.config = world.config.rename(world.folder / "theirs.yaml")
    world.rewrite("owner: the-sandbox", "owner: their-project")
    world.rewrite("name: ert-dashboard", "name: their-app")


def clock_ahead(world: World) -> None:
    """Set the clock of this machine three hours ahead of the provider's."""
    world.keys(epoch_world=world.file.epoch_world + 3 * 3600)


def clock_behind(world: World) -> None:
    """Set the clock of this machine a day behind the provider's."""
    world.keys(epoch_world=world.file.epoch_world - 24 * 3600)


def locked(world: World) -> None:
    """Lock the deployment for maintenance, and forget it."""
    world.run("state", "lock", "--minutes", "600", code=0)


def cap_lowered(world: World) -> None:
    """Lower the price cap below what the serving machine costs."""
    world.rewrite("max_dph: 0.60", "max_dph: 0.05")


def image_changed(world: World) -> None:
    """Write a new image into the config, and never run `up`."""
    world.rewrite("sandbox/ert-llm-backend:0.1.0", "sandbox/ert-llm-backend:0.2.0")


def context_changed(world: World) -> None:
    """Ask for a longer context in the config, and never run `up`."""
    world.rewrite("context: 8192 ", "context: 4096 ")


def config_not_yaml(world: World) -> None:
    """Leave a conflict of a merge in the config."""
    world.config.write_text("<<<<<<< HEAD\n" + world.config.read_text() + "=======\nspeed: 60\n>>>>>>> theirs\n")
