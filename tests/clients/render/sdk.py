"""Render's official Python SDK (PyPI `render`), unmodified, through the operations of the sandbox's Render.

Runs in the SDK's own environment: `RENDER_URL`, `RENDER_KEY`, `RENDER_OWNER` and `RENDER_SERVICE` name the server, the
key, the workspace and a live service. Every response has to be parsed by the SDK, and its content is checked. Writes a
line for each operation; for a failure with its reason. `RENDER_EXCEPTIONS` is a JSON list of operations that
have to fail; one that does not fail any more is an error, too.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from render.public_api import models
from render.public_api.client import AuthenticatedClient

OWNER, SERVICE = os.environ["RENDER_OWNER"], os.environ["RENDER_SERVICE"]
CLIENT = AuthenticatedClient(
    base_url=os.environ["RENDER_URL"], token=os.environ["RENDER_KEY"], timeout=httpx.Timeout(30)
)
EXCEPTIONS = set(json.loads(os.environ.get("RENDER_EXCEPTIONS", "[]")))
PATIENCE_S = 60.0
RETRIES = 100


def model(name: str, content: Any) -> Any:
    """Return a body as the SDK's own class."""
    return getattr(models, name).from_dict(content)


def ask(operation: str, *given: Any, status: int = 200, **more: Any) -> Any:
    """Call one operation and return what the SDK parsed; the status must be as expected. A 429 is tried again."""
    call = importlib.import_module(f"render.public_api.api.{operation}").sync_detailed
    for _ in range(RETRIES):
        response = call(*given, client=CLIENT, **more)
        if response.status_code != 429:
            break
        time.sleep(0.1)  # noqa: TID251 - a simulated minute has to pass
    assert response.status_code == status, f"{int(response.status_code)}: {response.content[:1500]!r}"
    return response.parsed


def until(done: Callable[[], bool], what: str) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE_S:.0f} s"
        time.sleep(0.1)  # noqa: TID251 - a process has to start


class Tour:
    """The operations in the order in which they can be called; each method is one operation."""

    def __init__(self) -> None:
        self.deploy, self.image_service, self.image_deploy = "", "", ""
        self.group, self.disk, self.database, self.cache, self.preview = "", "", "", "", ""

    # The account
    def users__get_user(self) -> None:
        user = ask("users.get_user")
        assert user.id.startswith("usr-")
        assert "@" in user.email

    def workspaces__list_owners(self) -> None:
        assert [row.owner.id for row in ask("workspaces.list_owners")] == [OWNER]

    def workspaces__retrieve_owner(self) -> None:
        assert ask("workspaces.retrieve_owner", OWNER).type_ == "team"

    # Services
    def services__list_services(self) -> None:
        rows = ask("services.list_services", name=["dashboard"])
        assert [row.service.id for row in rows] == [SERVICE]

    def services__retrieve_service(self) -> None:
        service = ask("services.retrieve_service", SERVICE)
        details = service.service_details
        assert type(details).__name__ == "WebServiceDetails", type(details).__name__
        assert details.url.startswith("http://127.0.0.1:")
        assert details.open_ports[0].port == 10000
        assert details.render_subdomain_policy == "enabled"

    def services__update_service(self) -> None:
        body = model("ServicePATCH", {"serviceDetails": {"plan": "standard"}})
        changed = ask("services.update_service", SERVICE, body=body)
        assert changed.service_details.plan == "standard"

    def services__list_instances(self) -> None:
        (instance,) = ask("services.list_instances", SERVICE)
        assert instance.id.startswith(SERVICE)

    def services__create_service(self) -> None:
        body = {
            "type": "web_service",
            "name": "picture",
            "ownerId": OWNER,
            "image": {"ownerId": OWNER, "imagePath": "nginx"},
            "envVars": [{"key": "FINGERPRINT", "value": "image"}],
            "secretFiles": [{"name": "cert.pem", "content": "pem"}],
            "serviceDetails": {"runtime": "image", "plan": "starter", "region": "oregon", "envSpecificDetails": {}},
        }
        made = ask("services.create_service", body=model("ServicePOST", body), status=201)
        assert made.service.image_path == "docker.io/library/nginx:latest"
        self.image_service, self.image_deploy = made.service.id, made.deploy_id
        assert self.image_service != SERVICE

    # Environment
    def services__update_env_vars_for_service(self) -> None:
        body = [model("EnvVarKeyValue", {"key": key, "value": "1"}) for key in ("A", "B")]
        body.append(model("EnvVarKeyGenerateValue", {"key": "C", "generateValue": True}))
        rows = ask("services.update_env_vars_for_service", self.image_service, body=body)
        assert [row.env_var.key for row in rows] == ["A", "B", "C"]
        assert len(rows[2].env_var.value) == 44

    def services__get_env_vars_for_service(self) -> None:
        first = ask("services.get_env_vars_for_service", self.image_service, limit=2)
        assert [row.env_var.key for row in first] == ["A", "B"]
        rest = ask("services.get_env_vars_for_service", self.image_service, limit=2, cursor=first[-1].cursor)
        assert [row.env_var.key for row in rest] == ["C"]

    def services__update_env_var(self) -> None:
        body = model("EnvVarValue", {"value": "two"})
        assert ask("services.update_env_var", self.image_service, "B", body=body).value == "two"

    def services__retrieve_env_var(self) -> None:
        assert ask("services.retrieve_env_var", self.image_service, "B").value == "two"

    def services__delete_env_var(self) -> None:
        ask("services.delete_env_var", self.image_service, "B", status=204)
        assert ask("services.retrieve_env_var", self.image_service, "B", status=404).message == "not found: B"

    # Secret files
    def services__update_secret_files_for_service(self) -> None:
        files = [model("SecretFileInput", {"name": f"{n}.txt", "content": n}) for n in ("one", "two")]
        rows = ask("services.update_secret_files_for_service", self.image_service, body=files)
        assert [row.secret_file.name for row in rows] == ["one.txt", "two.txt"]

    def services__list_secret_files_for_service(self) -> None:
        rows = ask("services.list_secret_files_for_service", self.image_service)
        assert [row.secret_file.content for row in rows] == ["one", "two"]

    def services__add_or_update_secret_file(self) -> None:
        body = model("AddOrUpdateSecretFileBody", {"content": "three"})
        ask("services.add_or_update_secret_file", self.image_service, "three.txt", body=body, status=201)

    def services__retrieve_secret_file(self) -> None:
        assert ask("services.retrieve_secret_file", self.image_service, "three.txt").content == "three"

    def services__delete_secret_file(self) -> None:
        ask("services.delete_secret_file", self.image_service, "three.txt", status=204)
        ask("services.retrieve_secret_file", self.image_service, "three.txt", status=404)

    # Environment groups
    def environment_groups__create_env_group(self) -> None:
        content = {
            "name": "shared",
            "ownerId": OWNER,
            "envVars": [{"key": "SHARED", "value": "yes"}],
            "secretFiles": [{"name": "group.txt", "content": "g"}],
        }
        made = ask("environment_groups.create_env_group", body=model("EnvGroupPOSTInput", content), status=201)
        self.group = made.id
        assert made.env_vars[0].key == "SHARED"

    def environment_groups__link_service_to_env_group(self) -> None:
        linked = ask("environment_groups.link_service_to_env_group", self.group, self.image_service)
        assert [link.id for link in linked.service_links] == [self.image_service]

    def environment_groups__list_env_groups(self) -> None:
        (found,) = ask("environment_groups.list_env_groups", name=["shared"])
        assert getattr(found, "env_group", found).id == self.group

    def environment_groups__retrieve_env_group(self) -> None:
        assert ask("environment_groups.retrieve_env_group", self.group).secret_files[0].content == "g"

    def environment_groups__update_env_group_env_var(self) -> None:
        body = model("EnvVarValue", {"value": "new"})
        changed = ask("environment_groups.update_env_group_env_var", self.group, "ADDED", body=body)
        assert {v.key for v in changed.env_vars} == {"SHARED", "ADDED"}

    def environment_groups__update_env_group(self) -> None:
        changed = ask(
            "environment_groups.update_env_group", self.group, body=model("EnvGroupPATCHInput", {"name": "x"})
        )
        assert changed.name == "x"

    def environment_groups__delete_env_group_env_var(self) -> None:
        ask("environment_groups.delete_env_group_env_var", self.group, "ADDED", status=204)

    def environment_groups__update_env_group_secret_file(self) -> None:
        body = model("UpdateEnvGroupSecretFileBody", {"content": "h"})
        changed = ask("environment_groups.update_env_group_secret_file", self.group, "more.txt", body=body)
        assert {f.name for f in changed.secret_files} == {"group.txt", "more.txt"}

    def environment_groups__delete_env_group_secret_file(self) -> None:
        ask("environment_groups.delete_env_group_secret_file", self.group, "more.txt", status=204)

    def environment_groups__unlink_service_from_env_group(self) -> None:
        ask("environment_groups.unlink_service_from_env_group", self.group, self.image_service, status=204)

    def environment_groups__delete_env_group(self) -> None:
        ask("environment_groups.delete_env_group", self.group, status=204)

    # Deploys of a service from git
    def deploys__create_deploy(self) -> None:
        body = model("CreateDeployBody", {"clearCache": "do_not_clear"})
        made = ask("deploys.create_deploy", SERVICE, body=body, status=201)
        self.deploy = made.id
        assert len(made.commit.id) == 40
        assert made.trigger == "api"

    def deploys__retrieve_deploy(self) -> None:
        assert ask("deploys.retrieve_deploy", SERVICE, self.deploy).id == self.deploy
        until(lambda: ask("deploys.retrieve_deploy", SERVICE, self.deploy).status == "live", "the deploy")
        assert ask("deploys.retrieve_deploy", SERVICE, self.deploy).finished_at.year >= 2000

    def deploys__list_deploys(self) -> None:
        rows = ask("deploys.list_deploys", SERVICE)
        assert rows[0].deploy.id == self.deploy
        assert all(len(row.deploy.commit.id) == 40 for row in rows)

    def deploys__rollback_deploy(self) -> None:
        body = model("RollbackDeployBody", {"deployId": self.deploy})
        made = ask("deploys.rollback_deploy", SERVICE, body=body, status=201)
        assert made.trigger == "rollback"
        self.deploy = made.id

    def deploys__cancel_deploy(self) -> None:
        assert ask("deploys.cancel_deploy", SERVICE, self.deploy).status == "canceled"

    # Deploys of a service from an image
    def deploys__retrieve_deploy_of_an_image(self) -> None:
        found = ask("deploys.retrieve_deploy", self.image_service, self.image_deploy)
        assert found.image.ref == "docker.io/library/nginx:latest"
        assert found.image.sha.startswith("sha256:")

    # Domains
    def custom_domains__create_custom_domain(self) -> None:
        body = model("CreateCustomDomainBody", {"name": "app.example.com"})
        made = ask("custom_domains.create_custom_domain", SERVICE, body=body, status=201)
        assert made[0].domain_type == "subdomain"

    def custom_domains__list_custom_domains(self) -> None:
        (row,) = ask("custom_domains.list_custom_domains", SERVICE)
        assert row.custom_domain.verification_status == "unverified"

    def custom_domains__retrieve_custom_domain(self) -> None:
        assert ask("custom_domains.retrieve_custom_domain", SERVICE, "app.example.com").public_suffix == "com"

    def custom_domains__refresh_custom_domain(self) -> None:
        ask("custom_domains.refresh_custom_domain", SERVICE, "app.example.com", status=202)

    def custom_domains__delete_custom_domain(self) -> None:
        ask("custom_domains.delete_custom_domain", SERVICE, "app.example.com", status=204)

    # Instances
    def services__scale_service(self) -> None:
        ask("services.scale_service", SERVICE, body=model("ScaleServiceBody", {"numInstances": 2}), status=202)
        until(lambda: len(ask("services.list_instances", SERVICE)) == 2, "the second instance")

    def services__autoscale_service(self) -> None:
        load = {"enabled": True, "percentage": 60}
        content = {"enabled": True, "min": 1, "max": 3, "criteria": {"cpu": load, "memory": load}}
        assert ask("services.autoscale_service", SERVICE, body=model("AutoscalingConfig", content)).max_ == 3

    def services__delete_autoscaling_config(self) -> None:
        ask("services.delete_autoscaling_config", SERVICE, status=204)

    def services__restart_service(self) -> None:
        ask("services.restart_service", SERVICE)

    # Previews
    def services__preview_service(self) -> None:
        body = model("PreviewInput", {"imagePath": "nginx:preview", "name": "look"})
        made = ask("services.preview_service", self.image_service, body=body)
        self.preview = made.service.id
        assert made.service.service_details.parent_server.id == self.image_service

    # Disks
    def disks__add_disk(self) -> None:
        content = {"name": "data", "sizeGB": 1, "mountPath": "/data", "serviceId": self.image_service}
        self.disk = ask("disks.add_disk", body=model("DiskPOST", content), status=201).id

    def disks__list_disks(self) -> None:
        assert [row.disk.id for row in ask("disks.list_disks")] == [self.disk]

    def disks__retrieve_disk(self) -> None:
        assert ask("disks.retrieve_disk", self.disk).service_id == self.image_service

    def disks__update_disk(self) -> None:
        assert ask("disks.update_disk", self.disk, body=model("DiskPATCH", {"sizeGB": 2})).size_gb == 2

    def disks__delete_disk(self) -> None:
        ask("disks.delete_disk", self.disk, status=204)

    # Databases and Key Value
    def postgres__create_postgres(self) -> None:
        content = {"name": "db", "ownerId": OWNER, "plan": "basic_256mb", "version": "16", "region": "oregon"}
        made = ask("postgres.create_postgres", body=model("PostgresPOSTInput", content), status=201)
        self.database = made.id

    def postgres__list_postgres(self) -> None:
        assert [row.postgres.id for row in ask("postgres.list_postgres")] == [self.database]

    def postgres__retrieve_postgres(self) -> None:
        assert ask("postgres.retrieve_postgres", self.database).name == "db"

    def postgres__retrieve_postgres_connection_info(self) -> None:
        found = ask("postgres.retrieve_postgres_connection_info", self.database)
        assert found.internal_connection_string.startswith("postgresql://")

    def postgres__delete_postgres(self) -> None:
        ask("postgres.delete_postgres", self.database, status=204)

    def key_value__create_key_value(self) -> None:
        content = {"name": "kv", "ownerId": OWNER, "plan": "starter", "region": "oregon"}
        self.cache = ask("key_value.create_key_value", body=model("KeyValuePOSTInput", content), status=201).id

    def key_value__list_key_value(self) -> None:
        assert [row.key_value.id for row in ask("key_value.list_key_value")] == [self.cache]

    def key_value__retrieve_key_value(self) -> None:
        assert ask("key_value.retrieve_key_value", self.cache).name == "kv"

    def key_value__retrieve_key_value_connection_info(self) -> None:
        found = ask("key_value.retrieve_key_value_connection_info", self.cache)
        assert found.internal_connection_string.startswith("redis://")

    def key_value__delete_key_value(self) -> None:
        ask("key_value.delete_key_value", self.cache, status=204)

    # What happened
    def services__list_events(self) -> None:
        assert "deploy_ended" in {row.event.type_ for row in ask("services.list_events", SERVICE)}

    def events__retrieve_event(self) -> None:
        first = ask("services.list_events", SERVICE)[0].event
        assert ask("events.retrieve_event", first.id).id == first.id

    def logs__list_logs(self) -> None:
        page = ask("logs.list_logs", owner_id=OWNER, resource=[SERVICE], limit=5)
        assert len(page.logs) == 5
        assert page.has_more

    # Suspension and the end
    def services__suspend_service(self) -> None:
        ask("services.suspend_service", SERVICE, status=202)
        until(lambda: ask("services.retrieve_service", SERVICE).suspended == "suspended", "the suspension")

    def services__resume_service(self) -> None:
        ask("services.resume_service", SERVICE, status=202)
        until(lambda: ask("services.retrieve_service", SERVICE).suspended == "not_suspended", "the resumption")

    def services__delete_service(self) -> None:
        ask("services.delete_service", self.image_service, status=204)
        ask("services.retrieve_service", self.image_service, status=404)

    def services__wrong_key(self) -> None:
        wrong = AuthenticatedClient(base_url=os.environ["RENDER_URL"], token="wrong")
        answer = importlib.import_module("render.public_api.api.users.get_user").sync_detailed(client=wrong)
        assert (answer.status_code, answer.parsed.message) == (401, "unauthorized")


def failure(check: Callable[[], None]) -> str:
    """Return the reason why a check fails, or an empty string."""
    try:
        check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> int:
    """Return the number of operations that did not behave as expected."""
    tour, wrong, calls = Tour(), 0, [name for name in vars(Tour) if "__" in name.strip("_")]
    for name in calls:
        reason, operation = failure(getattr(tour, name)), name.replace("__", ".")
        expected = operation in EXCEPTIONS
        wrong += bool(reason) != expected
        verdict = ("known" if reason else "HOLDS, but is listed as an exception") if expected else "FAILS"
        sys.stdout.write(f"  {operation:54s} {verdict if reason or expected else 'holds'}\n")
        sys.stdout.write(f"      {reason[:1500]}\n" if reason else "")
    version = importlib.metadata.version("render")
    sys.stdout.write(f"render {version}: {len(calls)} operations, {wrong} not as expected\n")
    return min(wrong, 100)


if __name__ == "__main__":
    sys.exit(main())
