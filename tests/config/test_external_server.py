"""Config of an external server: required and optional keys, and invalid values."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from ert_deploy.app.deployment import SILENT
from ert_deploy.config import ConfigProblems, parse
from ert_deploy.config.scaffold.samples import key_comments
from ert_deploy.config.schema.json_schema import json_schema
from ert_deploy.core.model.app.external import NO_KEY, External
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.wiring import assemble
from tests.support.certificates.ip_bound import pair

SAMPLE = Path(__file__).parents[2] / "configs" / "providers" / "external.yaml"
SHORTEST = """\
deployment: my-app
providers: {gpu: external}
external: {url: "https://llm.example.org/v1", model: "qwen3:8b"}
render: {services: [{name: web}]}
"""
RENTED = """
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
"""
SCHEMA = json_schema({path: said.text for path, said in key_comments().items()}, {})


def wanted(text: str) -> Desired:
    jsonschema.Draft7Validator(json.loads(json.dumps(SCHEMA))).validate(yaml.safe_load(text))
    return parse(text, Path("c.yaml")).desired


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        parse(text, Path("c.yaml"))
    return [f"{one.path}: {one.what} ({one.hint})" for one in caught.value.problems]


def test_nothing_about_gpus_is_needed() -> None:
    found = wanted(SHORTEST)
    assert found.external == External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY")
    assert (found.launch.image, found.launch.model, found.criteria.max_dph) == ("", "qwen3:8b", 0.0)


def test_one_line_moves_the_app_between_the_server_and_a_rented_machine() -> None:
    both = SHORTEST + RENTED
    assert wanted(both).external is not None
    assert wanted(both).launch.image == "ghcr.io/someone/ert-llm-backend:0.1.0"
    rented = both.replace("gpu: external", "gpu: vast")
    assert wanted(rented).external is None
    assert wanted(rented).launch == wanted(both).launch
    assert wanted(SHORTEST + RENTED.splitlines()[1]).launch.image, "an image without an offer"


def test_a_rented_machine_still_needs_its_sections() -> None:
    text = SHORTEST.replace("gpu: external", "gpu: vast")
    assert [line.split(":")[0] for line in problems(text)] == ["launch/image", "launch/model", "offer/max_dph"]
    with pytest.raises(jsonschema.ValidationError, match="'launch' is a required property"):
        jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example/", "https://a.example/v1", "https://a.example/v1/"]
)
def test_an_address_is_kept_without_its_version(url: str) -> None:
    server = wanted(SHORTEST.replace("https://llm.example.org/v1", url)).external
    assert server is not None
    assert server.url == "https://a.example"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{model: a}", "external/url: it is missing"),
        ('{url: "https://a.example"}', "external/model: it is missing"),
        ('{url: "http://a.example", model: a}', "is not an https address"),
        ('{url: "http://127.0.0.1:8000", model: a}', "over plain http anybody on the way can read the key"),
        ('{url: "https://sk-1@a.example", model: a}', "it holds more than an address"),
        ('{url: "https://127.0.0.1:8443", model: a}', "the app, which runs elsewhere, cannot reach this machine"),
        ('{url: "https://localhost", model: a}', "the app, which runs elsewhere, cannot reach this machine"),
        ('{url: "https://a.example", model: "a b"}', "is not the name of a model"),
        ('{url: "https://a.example", model: a, key: VAST_API_KEY}', "does not start with EXTERNAL_, and is not read"),
        ('{url: "https://a.example", model: a, key: sk-proj-abcdef}', "is not the name of an environment variable"),
        ('{url: "https://a.example", model: a, pin: x}', "there is no such key"),
    ],
)  # fmt: skip
def test_what_is_refused(line: str, said: str) -> None:
    text = SHORTEST.replace('{url: "https://llm.example.org/v1", model: "qwen3:8b"}', line)
    assert any(said in problem for problem in problems(text)), problems(text)


def test_a_sandbox_reaches_this_machine_only() -> None:
    inside = SHORTEST + "sandbox: {}\ntimings: {settle: 30m}\n"
    assert any("a sandbox reaches this machine only" in line for line in problems(inside.replace("{}", "{speed: 20}")))
    here = inside.replace("{}", "{speed: 20}").replace("llm.example.org", "127.0.0.1:8443")
    assert wanted(here).external is not None


def test_the_sample_waits_for_a_name_and_a_server() -> None:
    said = problems(SAMPLE.read_text())
    assert [line.partition(":")[0] for line in said] == ["deployment", "external/url", "external/model"]


def server(monkeypatch: pytest.MonkeyPatch, text: str, **env: str) -> External | None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return assemble(parse(text, Path("c.yaml")), SILENT, None, web=False).desired.external


def test_the_key_is_read_from_its_variable_and_only_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXTERNAL_API_KEY", raising=False)
    found = server(monkeypatch, SHORTEST)
    assert found is not None
    assert found.key is None
    found = server(monkeypatch, SHORTEST, EXTERNAL_API_KEY="sk-of-the-server")
    assert found is not None
    assert found.key == Secret("sk-of-the-server")
    assert "sk-of-the-server" not in repr(found)
    with pytest.raises(UsageError, match="external server API key in EXTERNAL_API_KEY holds white space"):
        server(monkeypatch, SHORTEST, EXTERNAL_API_KEY="sk of the server")
    found = server(monkeypatch, SHORTEST.replace('"qwen3:8b"}', '"qwen3:8b", key: none}'))
    assert found is not None
    assert (found.key, found.variable) == (NO_KEY, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        ("no certificate", "holds no certificate in PEM"),
        ("\udcff", "holds no certificate in PEM"),
        (pair().pem + pair().key, "holds a private key, and the app would get it"),
    ],
)
def test_a_certificate_file_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
    text = SHORTEST.replace('"qwen3:8b"}', f'"qwen3:8b", ca: {file}}}')
    with pytest.raises(UsageError, match="external/ca") as caught:
        server(monkeypatch, text)
    assert said in caught.value.summary
    file.write_text(pair().pem)
    found = server(monkeypatch, text)
    assert found is not None
    assert found.certificate == pair().pem.strip()
