"""Troubles of a launch: each is there before the first `up`, and carries out the `up` that meets it."""

from __future__ import annotations

import json
from typing import Any

from ert_deploy.sandbox.registry.server import Registry, digest_of
from tests.doctor_bench.world import World

IMAGE = "sandbox/ert-llm-backend:0.1.0"
GIVE_UP = 25.0  # real seconds after which an operator presses Ctrl-C


def _try(world: World, seconds: float = 150) -> None:
    done = world.run("up", seconds=seconds)
    assert done.code != 0, f"the trouble did not stop `up`:\n{done.said}"


def _stuck(world: World, kind: str, **fields: Any) -> None:
    """Have one machine hang in this way, with an operator who waits a while and then presses Ctrl-C."""
    world.trouble(kind, **fields)
    _try(world, GIVE_UP)


def image_private(world: World) -> None:
    """Push the image to a registry that wants a login."""
    registry = world.registry("me:secret")
    registry.publish("ert-llm-backend", "0.1.0")
    world.rewrite(IMAGE, f"{registry.address}/ert-llm-backend:0.1.0")
    _try(world)


def image_missing(world: World) -> None:
    """Name a tag that was never pushed."""
    registry = world.registry()
    registry.publish("ert-llm-backend", "0.1.0")
    world.rewrite(IMAGE, f"{registry.address}/ert-llm-backend:0.2.0")
    _try(world)


def image_arm64(world: World) -> None:
    """Push an image from an ARM laptop, and rent machines that cannot execute it."""
    registry = world.registry()
    _publish_arm64(registry)
    world.rewrite(IMAGE, f"{registry.address}/ert-llm-backend:0.1.0")
    message = "exec /opt/ert/bin/python: exec format error"
    world.trouble("row", set={"actual_status": "exited", "status_msg": message})
    world.trouble("unreachable")
    _try(world)


def image_of_another_product(world: World) -> None:
    """Name the image of the model server alone, which has no backend in it."""
    registry = world.registry()
    registry.publish("ollama", "0.35.0", container={"Entrypoint": ["/bin/ollama"], "Cmd": ["serve"]})
    world.rewrite(IMAGE, f"{registry.address}/ollama:0.35.0")
    _try(world)


def _publish_arm64(registry: Registry) -> None:
    config = json.dumps({"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    registry.blobs[digest_of(config)] = config
    kind = "application/vnd.oci.image.manifest.v1+json"
    about = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": len(config)}
    content = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": about, "layers": []}).encode()
    for name in ("ert-llm-backend:0.1.0", f"ert-llm-backend@{digest_of(content)}"):
        registry.manifests[name] = (kind, content)


def pull_rate_limit(world: World) -> None:
    """Let the image's registry refuse pulls without a login, on all hosts."""
    message = "toomanyrequests: You have reached your unauthenticated pull rate limit."
    world.trouble("pull_fails", message=message, count=99)
    _try(world)


def disk_full(world: World) -> None:
    """Let the image fill the disk of each machine."""
    message = "write /var/lib/docker/tmp/GetImageBlob: no space left on device"
    world.trouble("pull_fails", message=message, count=99)
    _try(world)


def host_never_starts(world: World) -> None:
    """Rent a host that provisions for ever."""
    _stuck(world, "never_starts")


def pull_stalls(world: World) -> None:
    """Rent a host whose download of the image stops in the middle."""
    _stuck(world, "pull_stalls")


def port_closed(world: World) -> None:
    """Rent a host that runs the container and forwards no connection to it."""
    _stuck(world, "unreachable")


def container_runtime_broken(world: World) -> None:
    """Let every host fail to create the container."""
    world.trouble("oci_failure")
    _try(world)


def model_unknown(world: World) -> None:
    """Ask for a model that the registry of models does not have."""
    empty = world.folder / "no-models"
    empty.mkdir()
    world.trouble("machine_env", env={"ERT_SANDBOX_MODELS": str(empty)})
    _try(world)


def model_digest_differs(world: World) -> None:
    """Pin a digest that the model's tag does not have any more."""
    world.rewrite("  context: 8192 ", f"  model_digest: {'ab' * 32}\n  context: 8192 ")
    _try(world)


def off_switch_refused(world: World) -> None:
    """Give each machine a key with which it cannot stop itself."""
    world.trouble("machine_env", env={"CONTAINER_API_KEY": "not-the-key-of-this-instance"})
    _try(world)


def no_credit_for_create(world: World) -> None:
    """Use up the credit before the first machine."""
    world.trouble("credit", value=0)
    _try(world)


def spend_limit(world: World) -> None:
    """Have the provider limit the costs per hour of a new account."""
    world.trouble("spend_rate_limit", count=99)
    _try(world)


def cap_below_market(world: World) -> None:
    """Set the price cap below what any offer costs."""
    world.rewrite("max_dph: 0.60", "max_dph: 0.02")
    _try(world)


def market_too_dear(world: World) -> None:
    """Let all prices rise tenfold overnight."""
    world.trouble("price", factor=10)
    _try(world)


def budget_too_small(world: World) -> None:
    """Allow one run less money than one machine needs to become healthy."""
    world.rewrite("  hours: 2", "  hours: 2\n  max_cost: 0.001")
    _try(world)


def gpu_misspelt(world: World) -> None:
    """Ask for a card that is not on offer."""
    world.rewrite("  gpu_ram: 24GB", "  gpu_ram: 24GB\n  gpu_names: [RTX 3909]")
    _try(world)


def country_empty(world: World) -> None:
    """Ask for machines in a country without offers."""
    world.rewrite("  gpu_ram: 24GB", "  gpu_ram: 24GB\n  countries: [AQ]")
    _try(world)


def key_without_right(world: World) -> None:
    """Use a key of the account that may read and not rent."""
    world.limited_key("instance_read", "misc", "user_read")
    _try(world)


def deploy_fails(world: World) -> None:
    """Let the app's new version exit at its start."""
    world.trouble("deploy_fails", "render", status="update_failed", count=99)
    _try(world)


def pre_deploy_fails(world: World) -> None:
    """Let the command fail that Render runs before each deploy, such as a migration."""
    world.trouble("deploy_fails", "render", status="pre_deploy_failed", count=99)
    _try(world)


def app_unhealthy(world: World) -> None:
    """Let the app's new version never pass its health check."""
    world.trouble("unhealthy", "render", count=99)
    _try(world)


def pipeline_exhausted(world: World) -> None:
    """Use up the workspace's pipeline minutes."""
    world.trouble("pipeline_minutes_exhausted", "render")
    _try(world)


def service_unknown(world: World) -> None:
    """Misspell the service's name in the config."""
    world.rewrite("name: ert-dashboard", "name: ert-dashbaord")
    _try(world)


def disk_on_service(world: World) -> None:
    """Attach a disk to the app's service, so that each deploy would stop it."""
    world.trouble("disk", "render")
    _try(world)


def env_group_sets_ours(world: World) -> None:
    """Link an environment group that sets the app's backend address."""
    world.trouble("env_group", "render", name="shared", env={"ERT_LLM_BACKEND_URL": "https://127.0.0.1:9"})
    _try(world)


def subdomain_off(world: World) -> None:
    """Disable the onrender.com address, with no other address in the config."""
    world.trouble("subdomain", "render", on=False)
    _try(world)


def config_invalid(world: World) -> None:
    """Misspell a key of the config."""
    world.rewrite("max_dph: 0.60", "max_dhp: 0.60")
    _try(world)


def interrupted(world: World) -> None:
    """Kill `up` while the machine boots, as a closed laptop does."""
    world.trouble("pull_slow", factor=60)
    process = world.start("up")
    world.until(world.machines, 60)
    world.pause(60)
    process.kill()
    process.wait()
    world.calm("pull_slow")
    machine = world.machine
    world.until(lambda: world.accepts(machine), 90)


def outbid(world: World) -> None:
    """Rent with a bid, and let somebody bid more once the machine serves."""
    world.rewrite("  disk_gb: 10", "  market: interruptible\n  bid: auto\n  disk_gb: 10")
    world.up()
    machine = world.machine
    world.trouble("outbid", instance_id=machine)
    world.until(lambda: world.status_of(machine) != "running", 60)


def idle_stopped(world: World) -> None:
    """Request no report until the machine stops itself."""
    world.rewrite("idle_stop: 24h ", "idle_stop: 15m ")
    world.up()
    machine = world.machine
    world.until(lambda: world.status_of(machine) != "running", 120)


def lifetime_over(world: World) -> None:
    """Let the machine run for as long as the config allows."""
    world.rewrite("max_lifetime: 48h ", "max_lifetime: 40m ")
    world.up()
    machine = world.machine
    world.until(lambda: world.status_of(machine) != "running", 150)


def engine_hung(world: World) -> None:
    """Let the model server stop responding, and its supervisor not notice it."""
    world.trouble("machine_env", env={"ERT_ENGINE_HANG": "1000000"})
    world.up()
    world.freeze(world.machine, "sandbox.ollama")
    world.until(world.unhealthy, 120)


def gpu_taken(world: World) -> None:
    """Put the deployment to sleep, and let somebody else rent its GPU for good."""
    world.up()
    world.run("sleep", code=0)
    world.trouble("gpu_taken", instance_id=world.machine)
    world.rewrite("max_dph: 0.60", "max_dph: 0.02")
    done = world.run("wake")
    assert done.code != 0, done.said
    world.rewrite("max_dph: 0.02", "max_dph: 0.60")
