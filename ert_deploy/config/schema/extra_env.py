"""Extra variables of the container, `NAME=VALUE`: none that the image or the deployment sets. No value is shown."""

from __future__ import annotations

import re

from ert_deploy.config.schema.parser import Bad, accepts, whole_text
from ert_deploy.config.schema.scalars import text
from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.yaml.tree import Scalar
from ert_deploy.core.model.model_server import ExtraVariable

LONGEST = 1024
_FORM = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)")
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


@accepts(**whole_text(rf"[A-Za-z_][A-Za-z0-9_]{{0,63}}=.{{0,{LONGEST}}}"), examples=["OLLAMA_DEBUG=1"])
def variable(scalar: Scalar) -> ExtraVariable:
    """Parse `NAME=VALUE`. The errors name the variable, never its value."""
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
    if len(value) > LONGEST or not value.isprintable():
        raise Bad(f"the value of {name} is not one line of at most {LONGEST} characters")
    if SECRET_VALUE.search(value):
        raise Bad(f"the value of {name} is similar to a key", "the host's owner can read every variable; leave it out")
    return ExtraVariable(name, value)
