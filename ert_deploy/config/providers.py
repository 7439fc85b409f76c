"""Providers a config can choose: section, name, default URL and key variable of each GPU cloud and web host.

Only data. `ert_deploy.providers` has the client of each, by the same section name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: its `section` in a config, its `name` for people, its default `url` and the variable of its key.

    Every variable that begins like `key` up to the first `_` may hold the key, and no other.
    """

    section: str
    name: str
    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Host(Provider):
    """A web host. It sets variables that begin with `reserved` itself.

    Ids of its services are `id_prefix`, letters and dashes, and `id_rest`, a regular expression. `blueprint` is the
    file in a repository from which it creates services, empty if it has none or `init` does not write it.
    """

    reserved: str
    id_prefix: str
    id_rest: str
    id_meaning: str
    blueprint: str = ""


VAST = Provider("vast", "Vast.ai", "https://console.vast.ai", "VAST_API_KEY")
RENDER = Host(
    "render",
    "Render",
    "https://api.render.com/v1",
    "RENDER_API_KEY",
    reserved="RENDER",
    id_prefix="srv-",
    id_rest="[a-z0-9]{20}",
    id_meaning="srv- and 20 lower-case letters or digits",
    blueprint="render.yaml",
)
GPU_CLOUDS = (VAST,)
WEB_HOSTS = (RENDER,)


def gpu_cloud(section: str) -> Provider:
    """Return the GPU cloud with that section. Raises StopIteration if there is none."""
    return next(cloud for cloud in GPU_CLOUDS if cloud.section == section)


def web_host(section: str) -> Host:
    """Return the web host with that section. Raises StopIteration if there is none."""
    return next(host for host in WEB_HOSTS if host.section == section)


def every() -> tuple[Provider, ...]:
    """Return all providers."""
    return (*GPU_CLOUDS, *WEB_HOSTS)
