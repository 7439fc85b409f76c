"""Finds a config: by path, by name, or the one that is meant when none is named.

Configs are looked for in `configs/` of the working directory, then among those that came with the program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ert_deploy.config.yaml.problems import nearest, shown
from ert_deploy.core.model.errors import UsageError

PRODUCTION = "ert"
SANDBOX = "sandbox"
SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).resolve().parent.parent


def default_config(env: Mapping[str, str]) -> Path:
    """The production config when a Vast.ai key is at hand, else the sandbox's."""
    return find(PRODUCTION if key_at_hand(env) else SANDBOX)


def key_at_hand(env: Mapping[str, str]) -> bool:
    """Whether the environment has a Vast.ai key. One that a config names a file for is not seen here."""
    return bool(env.get("VAST_API_KEY", "").strip())


def find(name_or_path: str) -> Path:
    """The file of a config's name (`ert` is configs/ert.yaml), or the path as it is given. Raises UsageError."""
    if "/" in name_or_path or name_or_path.endswith(SUFFIXES):
        return _existing(Path(name_or_path))
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name_or_path):
        for path in (folder / f"{name_or_path}{suffix}" for folder in _folders() for suffix in SUFFIXES):
            if path.is_file():
                return path
    raise UsageError(f"there is no config {shown(name_or_path)}", hint=_instead(name_or_path))


def reference() -> Path:
    """The commented sample that came with the program, whatever the working directory holds."""
    own = [folder for folder in _folders() if folder != Path("configs")]
    return own[0] / f"{PRODUCTION}.yaml"


def available() -> tuple[str, ...]:
    """The names of the configs that `find` knows, sorted."""
    return tuple(sorted({path.stem for folder in _folders() for path in folder.iterdir() if path.suffix in SUFFIXES}))


def _existing(path: Path) -> Path:
    """Only absence is judged here; what else may be wrong with a file is said when it is read."""
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
