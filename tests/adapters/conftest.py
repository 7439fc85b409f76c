"""Set-up of the tests of the adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.state.shelf import Shelf, in_bucket, in_database, in_file


@pytest.fixture(params=["file", "s3", "postgres"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Return a storage location for one state: a file, an object in the `s3` of the module, or in PostgreSQL."""
    if request.param == "s3":
        from tests.support.doubles import moto_s3  # this import takes a second

        client = request.getfixturevalue("s3")
        return in_bucket(client, moto_s3.bucket(client))
    if request.param == "postgres":
        server = request.getfixturevalue("database")
        return in_database(server, server.database())
    path = tmp_path / "state" / "ert.json"
    path.parent.mkdir(mode=0o700)
    return in_file(path)
