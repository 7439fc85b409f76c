"""Troubles of the app and its host: each happens after a healthy `up`, at Render or in the app."""

from __future__ import annotations

from tests.doctor_bench.world import APP_OF_LAST_WEEK, APP_WITH_LOGIN, World
from tests.support.certificates.self_signed import certificate

RENDER_READS = (
    "get_user", "list_owners", "list_services", "retrieve_service", "list_env_vars", "get_env_var", "list_deploys",
    "get_deploy", "list_events", "list_logs", "list_instances", "list_env_groups", "list_domains",
)  # fmt: skip
RENDER_CALLS = (*RENDER_READS, "put_env_var", "delete_env_var", "create_deploy", "rollback_deploy")
PAGE = "<html><head><title>503 Service Unavailable</title></head></html>"


def _changed(world: World, name: str, value: str) -> None:
    """Set a variable of the app by hand and deploy it."""
    assert name in world.variables()
    world.set_variable(name, value)
    world.deploy()


def address_wrong(world: World) -> None:
    """Put another machine's address into the app."""
    _changed(world, "ERT_LLM_BACKEND_URL", "https://127.0.0.1:9")


def address_empty(world: World) -> None:
    """Empty the app's address of the backend."""
    _changed(world, "ERT_LLM_BACKEND_URL", "")


def key_wrong(world: World) -> None:
    """Put a key of one's own into the app, which the backend does not accept."""
    _changed(world, "ERT_LLM_API_KEY", "a-key-that-i-made-up-myself")


def certificate_wrong(world: World) -> None:
    """Put the certificate of an earlier machine into the app."""
    _changed(world, "ERT_LLM_CA_CERT", certificate()[0])


def switched_to_openai(world: World) -> None:
    """Switch the app to another backend by hand."""
    world.set_variable("REMOTE_LLM_INTEGRATION", "false")
    _changed(world, "OPENAI_INTEGRATION", "true")


def variables_deleted(world: World) -> None:
    """Delete the app's variables in Render's dashboard, and deploy it."""
    for name in ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT", "ERT_LLM_CONFIG_FINGERPRINT"):
        world.render("DELETE", f"env-vars/{name}")
    world.deploy()


def edited_not_deployed(world: World) -> None:
    """Change a variable in Render's dashboard without a deploy."""
    world.set_variable("ERT_LLM_BACKEND_URL", "https://127.0.0.1:9")


def suspended_by_user(world: World) -> None:
    """Suspend the service in Render's dashboard."""
    world.render("POST", "suspend", {})
    world.until(lambda: world.render("GET", "")["suspended"] == "suspended", 30)


def suspended_by_billing(world: World) -> None:
    """Let Render suspend the service for an unpaid bill."""
    world.trouble("suspend", "render", by="billing")


def service_deleted(world: World) -> None:
    """Delete the service in Render's dashboard."""
    world.render("DELETE", "")


def service_renamed(world: World) -> None:
    """Rename the service in Render's dashboard."""
    world.render("PATCH", "", {"name": "research-portal"})


def setting_refused(world: World) -> None:
    """Let the new version exit at its start, by a setting that it refuses; the old one keeps serving."""
    world.set_variable("ERT_DASHBOARD_WORKERS", "many")
    world.deploy()


def later_deploy_fails(world: World) -> None:
    """Let the next deploy of the app fail in its build, after a colleague's push."""
    world.trouble("deploy_fails", "render", status="build_failed")
    world.trouble("foreign_deploy", "render", message="Add a page")
    world.until(lambda: world.deploys()[0]["status"] == "build_failed", 90)


def rolled_back(world: World) -> None:
    """Roll the app back to a version from before it showed its fingerprint (an own app)."""
    first = world.deploys()[-1]["id"]
    world.write_app(APP_OF_LAST_WEEK)
    world.deploy(rollback_to=first)
    world.until(lambda: world.health() == {"status": "ok"}, 60)


def login_in_front(world: World) -> None:
    """Put a login before every page of the app, also before its fingerprint (an own app)."""
    world.write_app(APP_WITH_LOGIN)
    world.deploy()
    world.until(lambda: not world.health(), 60)


def health_path_wrong(world: World) -> None:
    """Point the config to a page of the app that does not exist."""
    world.rewrite("    - name: ert-dashboard", "    - name: ert-dashboard\n      health_path: /healthz")


def address_off(world: World) -> None:
    """Disable the app's onrender.com address while it runs."""
    world.trouble("subdomain", "render", on=False)


def render_key_revoked(world: World) -> None:
    """Revoke the key at Render."""
    world.keys(render_key="rnd_" + "0" * 28)


def render_key_reads_only(world: World) -> None:
    """Change the config, and have a key that may not write at Render carry it out."""
    writes = ("put_env_var", "delete_env_var", "create_deploy", "put_env_vars", "update_service")
    world.faults("render", *writes, status=403, body='{"message": "forbidden"}')
    world.rewrite("timeout: 10m", "timeout: 11m")
    assert world.run("up").code != 0


def render_down(world: World) -> None:
    """Let Render's API return 503 to everything."""
    world.faults("render", *RENDER_CALLS, status=503, body=PAGE, content_type="text/html")


def render_rate_limit(world: World) -> None:
    """Let another client with the same key use up Render's rate limits."""
    body = '{"message": "rate limit exceeded"}'
    world.faults("render", *RENDER_CALLS, status=429, body=body, headers={"Retry-After": "60"})


def down_without_render(world: World) -> None:
    """Take the deployment down while Render cannot be reached, so that the app keeps its old variables."""
    world.faults("render", *RENDER_CALLS, status=503, body=PAGE, content_type="text/html")
    assert world.run("down", "--now").code != 0
    world.clear_faults("render")
