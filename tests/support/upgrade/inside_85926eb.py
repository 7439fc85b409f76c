"""The sandbox, the command line and the certificate of release 85926eb: runs with the release's code on the path.

    PYTHONPATH=RELEASE:RELEASE/ert_deploy/_bundled/images/llm-backend python inside_85926eb.py world FOLDER DATABASE
    ... certificate FOLDER           (writes tls-cert.pem for the key of `key_pair`)
    ... cli ROUND ARGUMENTS          (the command line, with readable text in place of random bytes)

`world` serves until its standard input ends. Modules are imported by name: the current tree has different ones.
"""

from __future__ import annotations

import base64
import importlib
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

API_PORT, MACHINE_PORT, SPEED = 31985, 31986, 60.0
FIRST_DAY, LIFETIME = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=36500)
# By the number of random bytes; the round is a digit at the end.
KEY, TOKEN, BOOT_SECRET = b"NOT-A-SECRET-ONLY-A-TEST-FIXTUR", b"upgrade-fixture", b"not a secret: an upgrade fixture"
LONG_HEX = re.compile(r"(sandbox-)?[0-9a-f]{24,}")


def main(mode: str, *arguments: str) -> None:
    """Run one of the modes."""
    modes: dict[str, Callable[..., None]] = {"world": world, "certificate": certificate, "cli": cli}
    modes[mode](*arguments)


def world(folder: str, database: str) -> None:
    """Run a new sandbox with the `toy` model on known ports; the app stores its reports in `database`."""
    worlds, model = _module("ert_deploy.sandbox.world"), _module("ert_deploy.sandbox.model")
    vast, options = _module("ert_deploy.sandbox.vast_server"), _module("ert_deploy.sandbox.vast_options")
    render, process = _module("ert_deploy.sandbox.render_server"), _module("ert_deploy.sandbox.render_process")
    machines = _module("ert_deploy.sandbox.machines")
    machines.Ports.give = lambda _: MACHINE_PORT
    variables = worlds.unrelated_env
    worlds.unrelated_env = lambda seed: {name: _harmless(value) for name, value in variables(seed).items()}

    def make_vast(setting: Any) -> Any:
        models, chosen = setting.model.path.parent, options.Options(port=API_PORT)
        directory, key = setting.directory / "vast", setting.vast_key
        return vast.VastDouble(setting.clock, directory, key, images=setting.images, models=models, options=chosen)

    def make_render(setting: Any) -> Any:
        def command(port: int) -> list[str]:
            return ["env", f"ERT_DASHBOARD_DB={database}", *process.gunicorn(port)]

        directory, key = setting.directory / "render", setting.render_key
        return render.RenderDouble(setting.clock, directory, key, images=setting.images, command=command)

    toy = model.toy_model(model.default_cache())
    with worlds.World(Path(folder), speed=SPEED, model=toy, make_vast=make_vast, make_render=make_render):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


def _harmless(value: str) -> str:
    """Replace random digits, which secret scanners report as a key, by plain text."""
    return "not-a-secret-" * 5 if LONG_HEX.fullmatch(value) else value


def certificate(folder: str) -> None:
    """Write the certificate that the release issues for its key, except for the validity, which is a century."""
    identity, pair = _module("ert_backend.identity"), _module("key_pair")
    identity.LIFETIME = LIFETIME
    disk = Path(folder)
    names = identity._names("ert-sandbox", "127.0.0.1")
    made = identity._build(pair.private_key(), names, FIRST_DAY)
    encoding = _module("cryptography.hazmat.primitives.serialization").Encoding.PEM
    (disk / "tls-cert.pem").write_bytes(made.public_bytes(encoding))
    pair.write_private_key(disk)
    assert [name.value for name in names] == [ip_address("127.0.0.1"), "ert-sandbox.ert.internal"]
    assert identity._usable(disk / "tls-cert.pem", disk / "tls-key.pem", names, FIRST_DAY)


def cli(round_: str, *arguments: str) -> None:
    """Run the command line with text for entropy."""
    known = {
        24: base64.urlsafe_b64decode(KEY + round_.encode()),
        16: TOKEN + round_.encode(),
        32: BOOT_SECRET,
    }
    assert all(len(text) == count for count, text in known.items())
    _module("ert_deploy.adapters.clock").SystemEntropy.token_bytes = lambda _, count: known[count]
    sys.argv = ["ert-deploy", *arguments]
    _module("ert_deploy.cli").main()


def _module(name: str) -> Any:
    return importlib.import_module(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
