"""The code in `your-app.md` for several GPUs: run on the variables that the engine writes for each replica."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.core.model.app.target import Target
from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected, withdrawn
from tests.support.fakes.history import WANTED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "your-app.md"
KEY = "ert-Zk3_9aQx7LmN0pRsT2uVwXyZ-4bC5dEf"


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """Return the names that the code of the page defines."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), found)
    return found


def replica(number: int) -> Target:
    """Return the target of a replica, as the engine publishes to it."""
    (found,) = one_replica(replace(WANTED, replicas=MOST_REPLICAS, targets=(Target("srv-1"),)), number).targets
    return found


def plain(values: Any) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}


def environ(*numbers: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for number in numbers:
        url = f"https://203.0.113.{number}:8443"
        found |= plain(connected(replica(number), url, Secret(f"{KEY}-{number}"), f"pem {number}"))
    return found


def test_each_set_is_a_backend_and_shows_its_fingerprint(page: dict[str, Any]) -> None:
    given = environ(1, 2, 8)
    assert page["backends"](given) == [
        (f"https://203.0.113.{number}:8443", f"{KEY}-{number}", f"pem {number}") for number in (1, 2, 8)
    ]
    assert page["fingerprints"](given) == {
        "fingerprint": given["ERT_LLM_CONFIG_FINGERPRINT"],
        "fingerprint_2": given["ERT_LLM_CONFIG_FINGERPRINT_2"],
        "fingerprint_8": given["ERT_LLM_CONFIG_FINGERPRINT_8"],
    }


def test_a_torn_set_is_left_out_alone(page: dict[str, Any]) -> None:
    given = environ(1, 2, 3) | {"ERT_LLM_API_KEY_2": "another"}
    assert [url[-6] for url, _, _ in page["backends"](given)] == ["1", "3"]
    assert set(page["fingerprints"](given)) == {"fingerprint", "fingerprint_3"}


def test_a_withdrawn_set_is_shown_and_not_used(page: dict[str, Any]) -> None:
    given = plain(withdrawn(replica(1))) | environ(2)
    assert [url[-6] for url, _, _ in page["backends"](given)] == ["2"]
    assert set(page["fingerprints"](given)) == {"fingerprint", "fingerprint_2"}
    previews = plain(connected(replace(replica(3), previews=True), "https://a:1", Secret(KEY), "pem"))
    assert set(page["fingerprints"](previews)) == {"fingerprint_3"}
