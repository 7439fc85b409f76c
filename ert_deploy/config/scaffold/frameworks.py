"""Frameworks: how an app is built and started, from its Procfile and the files of its package manager.

It reads a few files of at most 256 kB in one folder, and runs nothing.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 256 * 1024
MOST_FILES = 40
OTHER_START = "gunicorn --bind 0.0.0.0:$PORT app:app"
_PYTHON = ("requirements.txt", "pyproject.toml", "Pipfile")
_APP = re.compile(
    r"^(?P<name>\w+)\s*(?::\s*\w+\s*)?=\s*(?P<kind>FastAPI|Flask|Starlette|Litestar|Sanic)\(", re.MULTILINE
)
_ASGI = ("FastAPI", "Starlette", "Litestar", "Sanic")
_LIKELY = ("app.py", "main.py", "wsgi.py", "asgi.py", "server.py")


def commands(folder: Path) -> tuple[str, str] | None:
    """Return the build and the start command of the app in a folder; None if there is no sign of one."""
    found = _node(folder) or _python(folder)
    told = procfile(folder)
    if found is None and not told:
        return None
    build, start = found or ("pip install -r requirements.txt", OTHER_START)
    return build, told or start


def procfile(folder: Path) -> str:
    """Return the command of the line `web:` of a Procfile, or nothing."""
    line = re.search(r"^web:[ \t]*(\S.*?)[ \t]*$", read(folder / "Procfile"), re.MULTILINE)
    return line[1] if line else ""


def read(path: Path) -> str:
    """Return the text of a regular file, or nothing if there is none or it is too large or not text."""
    with suppress(OSError, ValueError):
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            return path.read_text(encoding="utf-8")
    return ""


def _node(folder: Path) -> tuple[str, str] | None:
    if not (folder / "package.json").is_file():
        return None
    scripts: object = {}
    with suppress(ValueError, AttributeError):
        scripts = json.loads(read(folder / "package.json")).get("scripts")
    install = "npm ci"
    for lock, command in (
        ("yarn.lock", "yarn --frozen-lockfile"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ):
        if (folder / lock).is_file():
            install = command
    tool = install.split()[0]
    built = f"{install} && {tool} run build" if isinstance(scripts, dict) and "build" in scripts else install
    return built, f"{tool} start"


def _python(folder: Path) -> tuple[str, str] | None:
    present = [name for name in _PYTHON if (folder / name).is_file()]
    if not present:
        return None
    needs = read(folder / present[0]).lower()
    if (folder / "uv.lock").is_file():
        build = "uv sync --frozen"
    elif (folder / "poetry.lock").is_file():
        build = "poetry install"
    elif present[0] == "requirements.txt":
        build = "pip install -r requirements.txt"
    else:
        build = "pipenv install" if present[0] == "Pipfile" else "pip install ."
    runner = {"uv": "uv run ", "poetry": "poetry run ", "pipenv": "pipenv run "}.get(build.split()[0], "")
    return build, runner + _start(folder, needs)


def _start(folder: Path, needs: str) -> str:
    if (folder / "manage.py").is_file() and (project := _django(folder)):
        return f"gunicorn --bind 0.0.0.0:$PORT {project}.wsgi:application"
    if (found := _application(folder)) is not None:
        module, name, kind = found
        if kind in _ASGI:
            return f"uvicorn {module}:{name} --host 0.0.0.0 --port $PORT"
        return f"gunicorn --bind 0.0.0.0:$PORT {module}:{name}"
    if "streamlit" in needs:
        return "streamlit run app.py --server.address 0.0.0.0 --server.port $PORT"
    if "fastapi" in needs or "uvicorn" in needs:
        return "uvicorn main:app --host 0.0.0.0 --port $PORT"
    return OTHER_START


def _django(folder: Path) -> str:
    project = re.search(r"DJANGO_SETTINGS_MODULE['\"], *['\"](\w+)\.settings", read(folder / "manage.py"))
    return project[1] if project else ""


def _application(folder: Path) -> tuple[str, str, str] | None:
    """Return the module, the name and the class of the app object in the folder's own modules."""
    others = sorted(path.name for path in folder.glob("*.py") if path.name not in _LIKELY)
    for name in [*_LIKELY, *others][:MOST_FILES]:
        if found := _APP.search(read(folder / name)):
            return name.removesuffix(".py"), found["name"], found["kind"]
    return None
