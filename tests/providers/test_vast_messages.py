"""What a host's message on Vast.ai means, and whose fault it is."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.provider import SILENT, Cause
from ert_deploy.providers.vast.messages import read


def flags(text: str) -> str:
    found = read(text)
    names = ("progress", "wrong", "permanent", "of_host", "of_image", "port_taken")
    cause = {Cause.ABSENT: ["absent"], Cause.PLATFORM: ["platform"]}.get(found.cause, [])
    return " ".join([name for name in names if getattr(found, name)] + cause)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "progress"),
        ("success, running x/args", "progress"),
        ("a1b2c3d4e5f6: Downloading 3.2MB/9MB", "progress"),
        ("Pulling from library/x", "progress"),
        ("so sorry", ""),
        ("Error response from daemon: toomanyrequests: You have reached your pull rate limit.", "wrong"),
        ("exec /x: exec format error", "wrong of_image platform"),
        ("no matching manifest for linux/amd64", "of_image platform"),
        ("Error: Manifest unknown", "wrong permanent of_image absent"),
        ("pull access denied for x, repository does not exist", "wrong permanent of_image absent"),
        ("unauthorized: authentication required", "wrong permanent of_image absent"),
        ("OCI runtime create failed: nvidia-container-cli", "wrong permanent of_host"),
        ('OCI runtime create failed: exec: "/x": no such file', "wrong permanent of_host of_image"),
        ("write /x: no space left on device", "wrong permanent of_host"),
        ("Bind for 0.0.0.0:40001 failed: port is already allocated", "wrong permanent of_host port_taken"),
    ],
)
def test_what_a_message_means(text: str, expected: str) -> None:
    assert flags(text) == expected
    assert read(text).text == text


def test_a_host_that_says_nothing_is_silent() -> None:
    assert read("") == SILENT
