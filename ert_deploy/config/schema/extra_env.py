"""Extra variables of the container, `NAME=VALUE`: none that the image or the deployment sets. No value is shown.

A secret is not in the config: `NAME=env:VARIABLE` takes it from an environment variable on the operator's machine. The
name of that one begins with `SOURCE`, so that a changed line cannot send out another secret.
"""

from __future__ import annotations

import re

from ert_deploy.config.schema.parser import Bad, accepts, whole_text
from ert_deploy.config.schema.scalars import text
from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.model.model_server import ExtraVariable
from ert_deploy.core.redaction import is_secret_name

LONGEST = 1024
SOURCE = "ERT_ENV_"
LITERAL = "is a secret by its name"
_FORM = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)")
_BY_NAME = "env:"
_VARIABLE = re.compile(rf"{SOURCE}[A-Z0-9_]{{1,100}}")
# What sets it instead.
_INSTEAD = {
    "OLLAMA_MODEL": "write launch/model",
    "OLLAMA_CONTEXT_LENGTH": "write launch/context",
    "OLLAMA_NUM_PARALLEL": "write launch/parallel",
    "OLLAMA_KV_CACHE_TYPE": "write launch/kv_type",
    "OLLAMA_HOST": "the address of the engine is fixed",
    "HOST": "the published port is fixed",
    "PORT": "the published port is fixed",
}
_OF_THE_IMAGE = ("PATH", "HOME", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PUBLIC_IPADDR", "OPEN_BUTTON_TOKEN")
_BEGINNINGS = ("CONTAINER_", "VAST_", "LD_", "NVIDIA_", "CUDA_")


@accepts(
    **whole_text(rf"[A-Za-z_][A-Za-z0-9_]{{0,63}}=.{{0,{LONGEST}}}"),
    examples=["OLLAMA_DEBUG=1", f"HF_TOKEN=env:{SOURCE}HF_TOKEN"],
)
def variable(scalar: Scalar) -> ExtraVariable:
    """Parse `NAME=VALUE` or `NAME=env:VARIABLE`. The errors name the variable, never its value."""
    written = text(scalar)
    found = _FORM.fullmatch(written)
    if not found:
        raise Bad("it is not NAME=VALUE", "such as OLLAMA_DEBUG=1; letters, digits and _ in the name")
    name, value = found.groups()
    if name.upper().startswith("ERT_"):
        raise Bad(f"{name} is ert-deploy's own variable", "the keys of `launch` set those; see `init --reference`")
    if name in _INSTEAD:
        raise Bad(f"{name} is set already", _INSTEAD[name])
    if name in _OF_THE_IMAGE or name.startswith(_BEGINNINGS):
        raise Bad(f"{name} is set by the image or by the host", "choose another name")
    if value.startswith(_BY_NAME):
        return ExtraVariable(name, "", _source(name, value.removeprefix(_BY_NAME)))
    if len(value) > LONGEST or not value.isprintable():
        raise Bad(f"the value of {name} is not one line of at most {LONGEST} characters")
    if value and is_secret_name(name.rstrip("0123456789_")):
        raise Bad(f"{name} {LITERAL}, and a config is no place for it", _by_name(name))
    if SECRET_VALUE.search(value):
        raise Bad(f"the value of {name} is similar to a key", _by_name(name))
    return ExtraVariable(name, value)


def _source(name: str, written: str) -> str:
    """Return the operator's variable. Raise `Bad` for another one, which is not shown: it may be the secret."""
    if not _VARIABLE.fullmatch(written):
        raise Bad(f"{name} is taken from a variable that does not begin with {SOURCE}", _by_name(name))
    return written


def _by_name(name: str) -> str:
    source = f"{SOURCE}{name.upper()}"
    return f"write {name}=env:{source} and export {source}=...; the host's owner can read every variable"
