"""Support bundle: one archive with what a failure left, and without a secret. For a bug report."""

from __future__ import annotations

import io
import json
import os
import platform
import zipfile
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, opened
from ert_deploy.app.doctor.examine import Diagnosis
from ert_deploy.app.outcome import accessible
from ert_deploy.core.model.boot.failure import last_lines
from ert_deploy.core.model.errors import ErtError, Failed
from ert_deploy.core.model.plain.state import to_json
from ert_deploy.core.redaction import Redactor, clean, is_secret_name
from ert_deploy.core.verdict.judge import links

TAIL = 400  # lines of each log that are asked for
PREFIXES = ("ERT_", "VAST_", "RENDER_", "AWS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_", "REQUESTS_CA_")


def write_bundle(
    path: Path, found: Diagnosis, config: Config = None, *, progress: Progress = SILENT
) -> tuple[str, ...]:
    """Write the archive as a new private file and return the names in it. Raises Failed if it cannot be written.

    It has the diagnosis, the links, the state, the config, the last lines of the logs, and names of variables.
    """
    parts = {"doctor.json": _text(_diagnosis(found)), "environment.json": _text(_environment())}
    try:
        parts |= _of(opened(config), progress)
    except ErtError:  # it may be just what is wrong
        parts |= _file(config)
    known = Redactor()
    known.hold_named(os.environ)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, known.clean(clean(text)))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(held.getvalue())
    except OSError as error:
        raise Failed(f"{path} cannot be written: {os.strerror(error.errno or 0)}", hint="name another file") from error
    return tuple(parts)


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    seen = [] if found.evidence.facts is None else [asdict(link) for link in links(found.evidence.facts)]
    return {
        "deployment": found.deployment,
        "causes": [{**asdict(c), "explains": sorted(c.explains)} for c in found.causes],
        "links": seen,
        "failures": [asdict(one) for one in found.evidence.failures],
    }


def _environment() -> dict[str, Any]:
    """Return versions, and the names of variables that matter; no value, as any may be a secret."""
    names = sorted(name for name in os.environ if name.upper().startswith(PREFIXES))
    system = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return {"ert-deploy": import_module("ert_deploy").__version__, **system, "variables that are set": names}


def _of(deployment: Deployment, progress: Progress) -> dict[str, str]:
    """Return what belongs to the deployment; what cannot be read is left out."""
    parts = _file(deployment.settings.source)
    with suppress(ErtError):
        parts["state.json"] = _text(to_json(deployment.keeper().load()))
    with suppress(ErtError):
        session = deployment.session(progress)
        for target in session.desired.targets:
            with suppress(ErtError):  # their values are removed from the logs below
                session.ports.web.read_env(session.ports.web.service(target.service).id)
        for instance in accessible(session):
            with suppress(ErtError):
                text = session.ports.gpu.logs(instance.id, TAIL)
                parts[f"log-{instance.id}.txt"] = last_lines(text, instance.boot_secret.reveal(), most=TAIL)
    return parts


def _file(config: object) -> dict[str, str]:
    """Return the config as it is written; nothing if it is not named by its path."""
    if not isinstance(config, str | Path):
        return {}
    try:
        return {"config.yaml": _masked(Path(config).read_text(encoding="utf-8", errors="replace"))}
    except OSError:
        return {}


def _masked(config: str) -> str:
    """Return a config without the values of keys whose names are those of secrets; none of ours has such a key."""
    kept = []
    for line in config.splitlines():
        name, colon, _ = line.partition(":")
        kept.append(f"{name}: ***" if colon and is_secret_name(name.strip(" -#\"'")) else line)
    return "\n".join(kept)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, default=str)
