"""What an instance is started with besides its command: its environment and its folder with the secret files.

Render mounts secret files at `/etc/secrets` and, for native runtimes, in the root of the app. The sandbox has no
container: only the latter works, in a folder with links to the files of the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ert_deploy.sandbox.render.models import Deploy, Service


def app_root(app: Path, disk: Path, files: Mapping[str, str]) -> Path:
    """Return the working directory of an instance: the app itself, or links to it beside the secret files.

    `disk` is the empty directory of the instance. A secret file takes precedence over a file of the app.
    """
    if not files:
        return app
    root = disk / "app"
    root.mkdir(mode=0o700)
    for item in app.iterdir():
        if item.name not in files and item != disk:
            (root / item.name).symlink_to(item.resolve())
    for name, content in files.items():
        place = root / name
        place.touch(mode=0o600)
        place.write_text(content)
    return root


def platform_env(service: Service, deploy: Deploy, instance: str, port: int) -> dict[str, str]:
    """Return the environment that Render sets for a Python service (render.com/docs/environment-variables).

    A service from an image has no variables of git. `IS_PULL_REQUEST` is true only in the preview of a pull request
    (render.com/docs/pull-request-previews).
    """
    git = {} if deploy.commit is None else _git(service, deploy.commit.id)
    return {
        **git,
        "RENDER": "true",
        "RENDER_SERVICE_ID": service.id,
        "RENDER_SERVICE_NAME": service.name,
        "RENDER_SERVICE_TYPE": "worker" if service.worker else "web",
        "RENDER_INSTANCE_ID": instance,
        "RENDER_EXTERNAL_URL": service.url,
        "RENDER_EXTERNAL_HOSTNAME": "127.0.0.1",
        # F54
        "RENDER_CPU_COUNT": "0.5",
        "RENDER_DISCOVERY_SERVICE": "localhost",
        "RENDER_WEB_CONCURRENCY": "1",
        "WEB_CONCURRENCY": "1",
        "IS_PULL_REQUEST": "true" if service.pull_request else "false",
        "FORWARDED_ALLOW_IPS": "*",
        "GUNICORN_CMD_ARGS": f"--preload --access-logfile - --bind=127.0.0.1:{port}",
    }


def _git(service: Service, commit: str) -> dict[str, str]:
    return {
        "RENDER_GIT_COMMIT": commit,
        "RENDER_GIT_BRANCH": service.branch,
        "RENDER_GIT_REPO_SLUG": urlsplit(service.repo).path.strip("/"),
    }
