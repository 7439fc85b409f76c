"""`replicas` in a config: how many, and what does not go with more than one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.config import load
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.core.model.errors import UsageError

SAMPLE = Path(__file__).parents[2] / "configs" / "sandbox.yaml"


def config(folder: Path, *lines: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text("\n".join((SAMPLE.read_text(), *lines)) + "\n")
    return path


def test_one_is_the_default(tmp_path: Path) -> None:
    assert load(config(tmp_path)).desired.replicas == 1
    assert load(config(tmp_path, "replicas: 3")).desired.replicas == 3


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("3", 0, 3), ("{min: 1, max: 3}", 1, 3), ("{max: 2}", 0, 2), ("{min: 1, max: 1}", 1, 1), ("", 0, 1)],
)
def test_a_range_has_its_least_and_its_most(tmp_path: Path, text: str, least: int, most: int) -> None:
    desired = load(config(tmp_path, f"replicas: {text}")).desired
    assert (desired.awake, desired.replicas) == (least, most)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (
            "{min: 3, max: 2}",
            "replicas/min: 3 machines cannot be kept up of 2",
            "at most 2, or a larger",
        ),
        ("{min: 0, max: 0}", "replicas/max: 0 is too small", "at least 1"),
        ("{min: -1, max: 2}", "replicas/min: -1 is too small", "at least 0"),
        ("{min: 1, max: 9}", "replicas/max: 9 is too large", "at most 8"),
        ("{min: true, max: 2}", "replicas/min: YAML reads", ""),
        ("{min: 1.5, max: 2}", "replicas/min: '1.5' is not a whole number", ""),
        ("{min: 1}", "replicas/max: it is missing", ""),
        ("{min: 1, max: 2, mean: 1}", "replicas/mean: there is no such key", ""),
        ("true", "replicas: YAML reads", ""),
        ("2.5", "replicas: '2.5' is not a whole number", ""),
        ("[1, 3]", "replicas: it must be one value, not a list", ""),
    ],
)
def test_an_error_has_its_place_and_what_helps(tmp_path: Path, text: str, place: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        load(config(tmp_path, f"replicas: {text}"))
    assert place in error.value.summary
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (("replicas: 0",), "replicas"),
        (("replicas: 9",), "9 is too large"),
        (("replicas: two",), "replicas"),
        (
            ("replicas: 2", "policy: {idle: learned}"),
            "the idle times of one machine, and this config has 2",
        ),
        (("replicas: 2", "policy: {idle: learned}"), "policy/idle: break-even, windows or fixed"),
        (("replicas: 2", "keys: {custody: file}"), "keeps the keys of one machine, and this config has 2"),
        (("replicas: 2", "keys: {custody: keyring}"), "keys/custody: app"),
        (("replicas: {min: 1, max: 2}", "keys: {custody: file}"), "replicas: keys/custody: file keeps the keys"),
        (
            ("replicas: 2", "providers: {gpu: external}", "external: {url: 'https://127.0.0.1:9', model: 'a:1b'}"),
            "they are for rented machines",
        ),
    ],
)
def test_what_does_not_go_with_several_is_refused(tmp_path: Path, lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(UsageError) as error:
        load(config(tmp_path, *lines))
    assert problem in f"{error.value.summary} {error.value.detail} {error.value.hint}"


@pytest.mark.parametrize("policy", ["{idle: break-even}", "{idle: windows, windows: [mon-fri 08:00-18:00]}"])
def test_a_policy_that_learns_nothing_goes_with_several(tmp_path: Path, policy: str) -> None:
    settings = load(config(tmp_path, "replicas: 2", f"policy: {policy}"))
    assert (settings.desired.replicas, settings.desired.shortens_idle) == (2, True)


def test_a_blueprint_leaves_the_variables_of_every_replica_to_a_run(tmp_path: Path) -> None:
    text = render(load(config(tmp_path, "replicas: 3")))
    for number in (2, 3):
        for name in ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT", "ERT_LLM_CONFIG_FINGERPRINT"):
            assert f'- key: "{name}_{number}"\n        sync: false' in text
    assert "ERT_LLM_BACKEND_URL_2" not in render(load(config(tmp_path)))
