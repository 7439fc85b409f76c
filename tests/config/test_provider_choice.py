"""The choice of providers: with two of a kind only the section of the chosen one is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy import providers as clients
from ert_deploy.config import ConfigProblems, Settings, parse, providers
from ert_deploy.config.providers import RENDER, VAST, Host, Provider
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.config.schema import json_schema, keys, walk
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from tests.support.fakes.timing import FakeClock

CLOUD = Provider("acme", "Acme GPUs", "https://gpu.acme.example", "ACME_API_KEY")
HOST = Host(
    "shore", "Shore", "https://api.shore.example", "SHORE_TOKEN", "SHORE", "app-", "[0-9]{4}", "app- and 4 digits"
)
HEAD = 'deployment: mine\nlaunch: {image: "ghcr.io/mine/llm:1", model: "gpt-oss:20b"}\noffer: {max_dph: 0.6}\n'


@pytest.fixture(autouse=True)
def two_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "GPU_CLOUDS", (VAST, CLOUD))
    monkeypatch.setattr(providers, "WEB_HOSTS", (RENDER, HOST))
    root = keys.root((VAST, CLOUD), (RENDER, HOST))
    for module in (keys, walk, json_schema):
        monkeypatch.setattr(module, "ROOT", root)


def settings(text: str) -> Settings:
    return parse(HEAD + text, Path("c.yaml"))


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as found:
        settings(text)
    return [f"{one.path}: {one.what} ({one.hint})" for one in found.value.problems]


def test_the_first_of_each_kind_is_the_default() -> None:
    found = settings("render: {services: [{name: dash}]}\n")
    assert (found.gpu.provider, found.web.provider) == (VAST, RENDER)
    assert found.desired.services == frozenset()


def test_the_chosen_ones_are_read_with_their_urls_keys_and_ids() -> None:
    found = settings(
        "providers: {gpu: acme, web: shore}\nacme: {key: {env: ACME_KEY_OF_CI}}\n"
        "shore: {services: [{name: app-0001, timeout: 60}]}\n"
    )
    assert (found.gpu.url, found.gpu.key.env) == (CLOUD.url, "ACME_KEY_OF_CI")
    assert (found.web.url, found.web.key.env, found.web.key.what) == (HOST.url, "SHORE_TOKEN", "Shore API key")
    (target,) = found.desired.targets
    assert (target.service, target.timeout) == ("app-0001", 60)
    assert len(found.desired.services) == 1  # an id names its owner


def test_a_section_that_was_not_chosen_is_an_error_and_not_overlooked() -> None:
    assert problems("vast: {url: 'https://x.example'}\nproviders: {gpu: acme}\nrender: {services: [{name: a}]}\n") == [
        "vast: providers/gpu is acme (remove this section, or write providers/gpu: vast)"
    ]


def test_services_are_those_of_the_chosen_host() -> None:
    (said,) = problems("providers: {web: shore}\n")
    assert said == "shore/services: it is missing (name at least one)"
    (said,) = problems("providers: {web: shore}\nshore: {services: [{name: app-1}]}\n")
    assert said == "shore/services/0/name: 'app-1' is not a service id (app- and 4 digits)"


def test_another_provider_is_an_error_that_lists_them() -> None:
    said = problems("providers: {gpu: azure}\nrender: {services: [{name: a}]}\n")
    assert said == ["providers/gpu: 'azure' is not one of vast, acme, external ()"]


def test_a_variable_of_the_host_is_not_ours() -> None:
    text = "providers: {web: shore}\nshore: {services: [{name: a, owned: {url: %s}}]}\n"
    assert settings(text % "RENDER_URL").desired.targets[0].names.url == "RENDER_URL"
    (said,) = problems(text % "SHORE_URL")
    assert said == "shore/services/0/owned/url: SHORE_URL belongs to Shore (choose another name)"


def test_a_blueprint_is_for_render_alone() -> None:
    found = settings("providers: {web: shore}\nshore: {services: [{name: app-0001}]}\n")
    with pytest.raises(UsageError, match="a Blueprint is for Render, and providers/web is shore"):
        render(found)


@pytest.mark.parametrize("kind", ["acme", "vast"])
def test_a_key_is_sent_to_its_provider_alone(kind: str) -> None:
    (said,) = problems(
        f"providers: {{gpu: {kind}}}\n{kind}: {{url: 'https://thief.example'}}\nrender: {{services: [{{name: a}}]}}\n"
    )
    assert said.startswith(f"{kind}/url: thief.example is not")


def test_the_json_schema_requires_no_section_where_there_is_a_choice() -> None:
    schema = json_schema.json_schema({}, {})
    assert {"acme", "vast", "render", "shore"} <= schema["properties"].keys()
    assert "render" not in schema["required"]
    assert schema["properties"]["shore"]["required"] == ["services"]


def test_every_provider_of_a_config_has_a_client_and_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for cloud in providers.GPU_CLOUDS:
        assert clients.gpu_host(cloud.section, Secret("k"), "http://127.0.0.1:9", FakeClock(), 1.0).cloud
    for host in providers.WEB_HOSTS:
        platform = clients.web_host(host.section, Secret("k"), "http://127.0.0.1:9", FakeClock()).platform
        assert (platform.name, platform.services) == (host.name, f"{host.section}/services")
    assert all(callable(clients.recording(one.section)) for one in providers.every())
