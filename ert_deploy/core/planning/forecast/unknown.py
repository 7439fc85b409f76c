"""Values that only a run can know, for a forecast: the id, address, certificate and key of a machine to be rented."""

from __future__ import annotations

import hashlib

from ert_deploy.core.model.keys import KEY_BYTES, make_key
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret

NEW = InstanceId("to-be-rented")
MACHINE = "of-the-offer"
TOKEN = "0" * 32
CERTIFICATE = "the certificate that the new machine makes"
PLACE = Address("address-of-the-new-machine", 1)
DEPLOY = "the next deploy"


def key_of(name: str) -> Secret:
    """Return a key that no backend accepts, another one for each name: it is never sent or shown."""
    return make_key(hashlib.sha256(f"forecast:{name}".encode()).digest()[:KEY_BYTES])
