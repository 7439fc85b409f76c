"""Agent settings: the address of `ert-deploy agent`, and the key that it and this dashboard share. No I/O.

The agent wakes the GPU. Its address is https, or http where no stranger is on the way: this machine, a private address,
or a name without a dot, which is how hosts name the services of a private network. Such services have no certificate,
and a host gives their address as HOST:PORT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ert_dashboard.base.env import BadSetting, number
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.urls import loads, read_origin, within_private_network

FOR_MACHINES = "ERT_MACHINE_SECRET"
URL, KEY, CA_CERT, DEPLOYMENT = "ERT_AGENT_URL", "ERT_AGENT_KEY", "ERT_AGENT_CA_CERT", "ERT_AGENT_DEPLOYMENT"
_KEY_SHAPE = re.compile(r"[\x21-\x7e]{16,512}")
_SECRET_SHAPE = re.compile(r"[\x21-\x7e]{32,512}")
_NAME_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Agent:
    """Address and key of an agent. `ca_pem` None: the certificates that the system trusts.

    With `machine_secret`, the key of a backend is derived from the token that the agent names.
    `deployment` None: the only one that the agent serves. Visitors may ask for a wake `wakes_per_hour` times.
    """

    url: str
    key: Secret
    ca_pem: str | None = None
    deployment: str | None = None
    wakes_per_hour: int = 2
    machine_secret: Secret | None = None


def read_agent(environ: Mapping[str, str], *, preview: bool) -> Agent | None:
    """Parse the variables; None without an agent, and on the preview of a pull request, which has copies of them.

    Raise `BadSetting` for half a configuration and for a value that cannot be used.
    """
    url, key = environ.get(URL, "").strip(), environ.get(KEY, "")
    per_hour = int(number(environ, "ERT_DASHBOARD_WAKES_PER_HOUR", 2, 0, 60))
    ca_pem, deployment = environ.get(CA_CERT, "").strip(), environ.get(DEPLOYMENT, "").strip()
    secret = environ.get(FOR_MACHINES, "").strip()
    if preview:
        return None
    if not url:
        given = [
            name
            for name, value in ((KEY, key), (CA_CERT, ca_pem), (DEPLOYMENT, deployment), (FOR_MACHINES, secret))
            if value
        ]
        if given:
            raise BadSetting(f"{given[0]} is set without {URL}")
        return None
    if not _KEY_SHAPE.fullmatch(key):
        raise BadSetting(f"{URL} needs {KEY}: 16 to 512 printable characters without a space")
    if deployment and not _NAME_SHAPE.fullmatch(deployment):
        raise BadSetting(f"{DEPLOYMENT} is not the name of a deployment")
    origin = _origin(url)
    if ca_pem and not origin.startswith("https:"):
        raise BadSetting(f"{CA_CERT} is set, but {URL} is not https")
    if ca_pem and not loads(ca_pem):
        raise BadSetting(f"{CA_CERT} is not a PEM certificate")
    if secret and not _SECRET_SHAPE.fullmatch(secret):
        raise BadSetting(f"{FOR_MACHINES} is not 32 to 512 printable characters without a space")
    return Agent(
        origin, Secret(key), ca_pem or None, deployment or None, per_hour, Secret(secret) if secret else None
    )  # fmt: skip


def _origin(text: str) -> str:
    plain = text if "://" in text else f"http://{text}"
    origin = read_origin(plain, ("https", "http"))
    if origin is None:
        raise BadSetting(f"{URL} must be of the form https://HOST:PORT, without a path")
    if origin.startswith("http:") and not within_private_network(origin):
        raise BadSetting(f"{URL} leads out of the private network: it must begin with https://")
    return origin
