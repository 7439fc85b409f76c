"""Config discovery: finds a config file by its path or name, or the default one.

Names are searched in `configs/` of the working directory, then among the configs installed with `ert-deploy`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ert_deploy.config.providers import GPU_CLOUDS
from ert_deploy.config.yaml.problems import nearest, shown
from ert_deploy.core.model.errors import UsageError

PRODUCTION = "ert"
SANDBOX = "sandbox"
SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).resolve().parent.parent


def default_config(env: Mapping[str, str]) -> Path:
    """Return the production config if the key of a GPU cloud is set, else that of the sandbox. Raise `UsageError`."""
    return find(PRODUCTION if key_at_hand(env) else SANDBOX)


def key_at_hand(env: Mapping[str, str]) -> bool:
    """Whether the environment has the key of a GPU cloud. A key file named in a config is not considered."""
    return any(env.get(cloud.key, "").strip() for cloud in GPU_CLOUDS)


def key_variables() -> str:
    """Return the names of the variables that hold the key of a GPU cloud, for a message."""
    return " or ".join(cloud.key for cloud in GPU_CLOUDS)


def find(name_or_path: str) -> Path:
    """Return the file of a config name (`ert` is `configs/ert.yaml`), or the given path. Raise `UsageError`."""
    if "/" in name_or_path or name_or_path.endswith(SUFFIXES):
        return _existing(Path(name_or_path))
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name_or_path):
        for path in (folder / f"{name_or_path}{suffix}" for folder in _folders() for suffix in SUFFIXES):
            if path.is_file():
                return path
    raise UsageError(f"there is no config {shown(name_or_path)}", hint=_instead(name_or_path))


def reference() -> Path:
    """Return the path of the commented sample config that is installed with `ert-deploy`."""
    own = [folder for folder in _folders() if folder != Path("configs")]
    return own[0] / f"{PRODUCTION}.yaml"


def available() -> tuple[str, ...]:
    """Return the sorted names of the configs that `find` can find."""
    return tuple(sorted({path.stem for folder in _folders() for path in folder.iterdir() if path.suffix in SUFFIXES}))


def _existing(path: Path) -> Path:
    """Raise `UsageError` only if there is no file; other errors are reported when it is read."""
    try:
        if path.exists() or path.is_symlink():
            return path
    except OSError:
        return path
    raise UsageError(f"there is no file {shown(str(path))}", hint=_instead(path.stem))


def _folders() -> Iterator[Path]:
    bundled = _PACKAGE / "_bundled" / "configs"
    for folder in (Path("configs"), bundled, _PACKAGE.parent / "configs"):
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
            yield folder


def _instead(name: str) -> str:
    names = available()
    return nearest(name, names) or (f"there are: {', '.join(names)}" if names else "there are no configs here")
