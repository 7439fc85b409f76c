"""The settings of a valid config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ert_deploy.config import (
    ConfigProblems,
    KeySource,
    S3Object,
    Settings,
    addressed,
    allowed_hosts,
    load,
    parse,
    state_of,
)
from ert_deploy.config.schema.llm_catalog import KNOWN
from ert_deploy.config.settings import SandboxSettings
from ert_deploy.core.model.desired import Criteria, Desired, Guard, Launch, Market, OwnedNames, Phase, Target, Timings
from ert_deploy.core.model.labels import Mark, label

Change = Callable[[str, str], str]
SHORTEST = """\
deployment: d
launch: {image: "a:1", model: gpt-oss:20b}
offer: {max_dph: 1}
render: {services: [{name: app}]}
"""
CONFIGS = Path(__file__).parents[2] / "configs"


def test_a_config_becomes_what_is_desired(settings: Settings) -> None:
    assert settings.desired == Desired(
        deployment="ert",
        phase=Phase.RUNNING,
        launch=Launch(image="ghcr.io/someone/ert-llm-backend:0.1.0", model="gpt-oss:20b"),
        criteria=Criteria(max_dph=0.6),
        targets=(Target(service="ert-dashboard"),),
    )
    assert state_of(settings, "ert") == Path(".ert/ert.json")
    assert settings.sandbox is None
    assert settings.gpu.key == KeySource("Vast.ai", "VAST_API_KEY", None)
    assert settings.web.key == KeySource("Render", "RENDER_API_KEY", None)


def test_five_keys_are_enough() -> None:
    desired = parse(SHORTEST, Path("c.yaml")).desired
    assert desired.launch.guard == Guard()
    assert desired.timings == Timings()
    assert desired.targets == (Target("app"),)


def test_ignored_instances_are_numbers_or_text_and_the_same_id_either_way() -> None:
    found = parse(f'{SHORTEST}ignored_instances: [12345678, "12345679", i-0f3a]\n', Path("c.yaml")).desired.ignored
    assert found == {"12345678", "12345679", "i-0f3a"}


@pytest.mark.parametrize("written", ["0", "-7", "1.5", '""', "a/b", "010", "true"])
def test_what_is_no_id_is_not_ignored(written: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        parse(f"{SHORTEST}ignored_instances: [{written}]\n", Path("c.yaml"))
    (problem,) = caught.value.problems
    assert problem.path == "ignored_instances/0"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_do_not_matter(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(SHORTEST.replace("\n", newline).encode())
    assert load(path).desired.deployment == "d"


def test_an_alias_repeats_a_value(changed: Change) -> None:
    text = changed(
        "    - name: ert-dashboard\n      timeout: 3m\n",
        "    - name: other\n      timeout: &wait 4m\n    - name: ert-dashboard\n      timeout: *wait\n",
    )
    assert [target.timeout for target in parse(text, Path("c.yaml")).desired.targets] == [240, 240]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("20m", 1200), ("3h", 10800), ("2d", 172800), ("1.5h", 5400), ("90", 90), ("0", 0)],
)
def test_durations(changed: Change, written: str, seconds: int) -> None:
    guard = parse(changed("idle_stop: 20m", f"idle_stop: {written}"), Path("c.yaml")).desired.launch.guard
    assert guard.idle_stop == seconds
    assert type(guard.idle_stop) is int


@pytest.mark.parametrize(
    ("written", "megabytes"), [("24GB", 22500), ("16GB", 15000), ("48GB", 45000), ("23000MB", 23000)]
)
def test_gpu_memory_is_a_class_of_cards(changed: Change, written: str, megabytes: int) -> None:
    criteria = parse(changed("gpu_ram: 24GB", f"gpu_ram: {written}"), Path("c.yaml")).desired.criteria
    assert criteria.min_gpu_ram_mb == megabytes


def test_known_models_bring_their_size(changed: Change) -> None:
    assert parse(changed("gpt-oss:20b", "mistral:7b"), Path("c.yaml")).desired.launch.model_gb == pytest.approx(4.38)


def test_another_model_needs_its_size(changed: Change) -> None:
    text = changed("model: gpt-oss:20b\n  model_gb: null", "model: qwen3:14b\n  model_gb: 9.3")
    assert parse(text, Path("c.yaml")).desired.launch.model_gb == pytest.approx(9.3)


def test_known_sizes_cover_the_registry_s_byte_counts() -> None:
    published = {"gpt-oss:20b": 13_793_441_244, "llama3.1:8b": 4_920_753_328, "mistral:7b": 4_372_824_384}
    sizes = {model.tag: model.gb * 1e9 for model in KNOWN}
    assert all(size <= sizes[tag] <= size * 1.01 for tag, size in published.items())


def test_interruptible_with_a_bid_from_the_market(changed: Change) -> None:
    text = changed("on-demand\n  bid: null", "interruptible\n  bid: auto\n  or_on_demand: true\n  hedge: 2")
    launch = parse(text, Path("c.yaml")).desired.launch
    assert (launch.bid, launch.bid_margin, launch.bid_cap) == (None, 0.15, 0.6)
    assert (launch.or_on_demand, launch.hedge) == (True, 2)
    text = changed("on-demand\n  bid: null", "interruptible\n  bid: auto\n  bid_margin: 0.4")
    assert parse(text, Path("c.yaml")).desired.launch.bid_margin == 0.4


def test_interruptible_with_a_bid(changed: Change) -> None:
    launch = parse(changed("on-demand\n  bid: null", "interruptible\n  bid: 0.25"), Path("c.yaml")).desired.launch
    assert (launch.market, launch.bid) == (Market.INTERRUPTIBLE, 0.25)


@pytest.mark.parametrize(("told", "used"), [("ignore", False), ("use", True)])
def test_previews_use_the_backend_only_if_the_config_says_so(changed: Change, told: str, used: bool) -> None:
    text = changed("render:\n", f"render:\n  previews: {told}\n")
    assert parse(text, Path("c.yaml")).desired.targets[0].previews is used
    assert not parse(changed("render:\n", "render:\n"), Path("c.yaml")).desired.targets[0].previews


def test_names_of_another_app(changed: Change) -> None:
    text = changed("url: ERT_LLM_BACKEND_URL", "url: LLM_URL\n        disabled: []")
    names = parse(text, Path("c.yaml")).desired.targets[0].names
    assert names == OwnedNames(url="LLM_URL", disabled=())


def test_another_market_has_an_address_of_its_own(changed: Change) -> None:
    settings = parse(changed("https://console.vast.ai", "http://127.0.0.1:8080/"), Path("c.yaml"))
    assert settings.gpu.url == "http://127.0.0.1:8080"


def test_a_key_file_in_the_home_folder(changed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    text = changed("env: VAST_API_KEY", "env: VAST_API_KEY\n    file: ~/vast.key")
    assert parse(text, Path("c.yaml")).gpu.key.file == Path("/home/someone/vast.key")


def test_the_sandbox_has_no_address_until_its_world_runs() -> None:
    settings = load(CONFIGS / "sandbox.yaml")
    assert settings.sandbox == SandboxSettings(Path(".ert/sandbox"), 20.0)
    assert (settings.gpu.url, settings.web.url) == ("", "")
    there = addressed(settings, gpu_url="http://127.0.0.1:1", web_url="http://127.0.0.1:2/v1")
    assert there.gpu.url == "http://127.0.0.1:1"
    assert there.desired.launch.spec() == settings.desired.launch.spec()


def test_toy_models_are_for_the_sandbox() -> None:
    text = (CONFIGS / "sandbox.yaml").read_text().replace("smollm2:135m ", "toy:0.5m ")
    assert parse(text, Path("c.yaml")).desired.launch.model == "toy:0.5m"


def test_the_longest_names_keep_within_vast_s_limits() -> None:
    """Vast OpenAPI: label at most 256 characters, env at most 32768, image at most 1024."""
    tag = "m" * 99 + ":" + "t" * 80
    text = SHORTEST.replace("deployment: d", "deployment: " + "d" * 32).replace(
        "model: gpt-oss:20b", f"model: {tag}, model_gb: 1"
    )
    url = "https://" + "v" * 150 + ".example"
    settings = parse(text + f"vast: {{url: '{url}'}}\n", Path("c.yaml"), hosts={"v" * 150 + ".example"})
    mark = Mark(settings.desired.deployment, "0" * 32)
    env = settings.desired.container_env(mark.token, ",".join(["0" * 64] * 2), "0" * 64)
    assert len(label(mark)) <= 256
    assert sum(len(name) + len(value) + 2 for name, value in env.items()) < 2000


@pytest.mark.parametrize(
    ("given", "own", "other"),
    [
        ("null", Path(".ert/ert.json"), Path(".ert/other.json")),
        ("state/mine.json", Path("state/mine.json"), None),
        ("state/{deployment}.json", Path("state/ert.json"), Path("state/other.json")),
        ("s3://my-bucket/ert.json", S3Object("my-bucket", "ert.json"), None),
        (
            "s3://my.bucket-1/team a/{deployment}.json".replace(" ", "_"),
            S3Object("my.bucket-1", "team_a/ert.json"),
            S3Object("my.bucket-1", "team_a/other.json"),
        ),
    ],
)
def test_the_state_is_a_file_or_an_object_in_s3_for_one_deployment_or_for_each(
    good: str, given: str, own: object, other: object
) -> None:
    settings = parse(good.replace("state: null", f"state: {given}"), Path("c.yaml"))
    assert state_of(settings, "ert") == own
    assert state_of(settings, "other") == other


def test_on_the_way_down_a_key_of_another_name_gives_way_to_the_standard_one() -> None:
    """A config from before names required a prefix can still be used to delete everything."""
    text = SHORTEST + "vast: {key: {env: MY_GPU_KEY}}\n"
    settings = parse(text, Path("c.yaml"), going_down=True)
    going_down = settings.gpu.key
    assert going_down.env == "VAST_API_KEY"
    assert going_down.note.endswith("vast/key/env: MY_GPU_KEY does not start with VAST_, and is not read")
    assert settings.web.key == KeySource("Render", "RENDER_API_KEY", None)
    with pytest.raises(ConfigProblems, match="MY_GPU_KEY"):
        parse(text, Path("c.yaml"))


def test_a_key_of_the_provider_s_own_name_is_read() -> None:
    text = SHORTEST + "vast: {key: {env: VAST_KEY_OF_CI}}\n"
    assert parse(text, Path("c.yaml")).gpu.key == KeySource("Vast.ai", "VAST_KEY_OF_CI", None)


@pytest.mark.parametrize("given", ["", " ", ",", "a.example, B.example"])
def test_hosts_are_allowed_by_the_environment_alone(given: str) -> None:
    assert allowed_hosts({"ERT_ALLOW_PROVIDER_URL": given}) == ({"a.example", "b.example"} if "a" in given else set())
    assert allowed_hosts({}) == set()


def test_an_allowed_host_and_this_machine_may_be_sent_a_key() -> None:
    text = SHORTEST + "vast: {url: 'https://gpu.example/proxy'}\n"
    assert parse(text, Path("c.yaml"), hosts={"gpu.example"}).gpu.url == "https://gpu.example/proxy"
    for url in ("http://127.0.0.1:9", "https://localhost", "https://console.vast.ai/api"):
        assert parse(text.replace("https://gpu.example/proxy", url), Path("c.yaml")).gpu.url == url


def test_the_model_s_server_is_as_the_image_has_it_unless_the_config_says_more(changed: Change) -> None:
    assert parse(changed("market: on-demand", "market: on-demand"), Path("c.yaml")).desired.launch.server.env() == {}
    more = f"context: 16384\n  parallel: 2\n  kv_type: q8_0\n  temperature: 0\n  model_digest: sha256:{'a' * 64}"
    server = parse(changed("context: 16384", more), Path("c.yaml")).desired.launch.server
    assert server.env() == {
        "OLLAMA_NUM_PARALLEL": "2", "OLLAMA_KV_CACHE_TYPE": "q8_0", "ERT_TEMPERATURE": "0", "ERT_MODEL_DIGEST": "a" * 64
    }  # fmt: skip
    other = "context: 16384\n  engine: openai\n  engine_command: llama-server --port 11434"
    server = parse(changed("context: 16384", other), Path("c.yaml")).desired.launch.server
    assert server.env() == {"ERT_ENGINE": "openai", "ERT_ENGINE_CMD": "llama-server --port 11434"}
