"""What the configuration of an image tells of its container, and what follows for a rental."""

from __future__ import annotations

from typing import Any

import pytest

from ert_deploy.core.launching.manifest import CONTRACT, GUARD, LABEL, UNASKED, Access, Manifest, container_fields

OURS = ["python", "-m", GUARD]
NOTHING: dict[str, Any] = {"program": "", "contract": "", "ports": ()}


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (None, NOTHING),
        ({"Entrypoint": None, "Cmd": [], "Labels": None}, NOTHING),
        ({"Entrypoint": OURS, "Cmd": ["--x"]}, NOTHING | {"program": f"python -m {GUARD} --x"}),
        ({"Labels": {LABEL: 7, "other": "x"}}, NOTHING | {"contract": "7"}),
        ({"ExposedPorts": {"8443/tcp": {}, "22/tcp": {}}}, NOTHING | {"ports": ("22/tcp", "8443/tcp")}),
        ({"Cmd": ["a\x1b[31m", "b\n"]}, NOTHING | {"program": "a b"}),
        ("python", {}),
        (["python"], {}),
        ({"Cmd": "python"}, {}),
        ({"Labels": [LABEL]}, {}),
        ({"ExposedPorts": "8443/tcp"}, {}),
        ({"Entrypoint": ["x" * 5000]}, {}),
    ],
)
def test_what_is_as_specified_is_read_and_anything_else_is_unknown(made: Any, fields: dict[str, Any]) -> None:
    assert container_fields(made) == fields


@pytest.mark.parametrize(
    ("image", "backend", "starts"),
    [
        (Manifest(Access.FOUND, program=" ".join(OURS)), True, True),
        (Manifest(Access.FOUND, program=" ".join(OURS), contract=CONTRACT), True, True),
        (Manifest(Access.FOUND, program="nginx"), False, False),
        (Manifest(Access.FOUND, program="/start", contract=CONTRACT), None, False),
        (Manifest(Access.FOUND), None, False),
        (UNASKED, None, True),
    ],
)
def test_the_backend_is_known_by_what_its_container_starts(image: Manifest, backend: bool | None, starts: bool) -> None:
    assert (image.backend, image.starts_backend) == (backend, starts)
