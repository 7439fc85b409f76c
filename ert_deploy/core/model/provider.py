"""What the core knows of a provider: the ids of what it rents out, and what it can do.

An id is text that is compared and shown; its form has no meaning and gives no order. Instances have a type of
their own, so that no other text is taken for one. Machines and offers are plain `str`; an empty one is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

InstanceId = NewType("InstanceId", str)
FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a GPU cloud can do. `keeps_disk`: of an instance that is stopped, so that it can sleep and be woken.

    `bids`: a machine can be rented below the price on demand, until somebody bids more. `readable`: there is a key, so
    that what is rented there can be listed.
    """

    keeps_disk: bool
    bids: bool
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """GPU account: its credit in $ and how to add to it, email and id. If the key may not read it: inf and "" each."""

    credit: float
    email: str
    id: str = ""
    top_up: str = "add credit"


@dataclass(frozen=True, slots=True)
class Platform:
    """What messages say of a web host: its `name`, and the path of its `services` in a config.

    `preview_variable` is set in every preview of a service; empty if there is none.
    """

    name: str = "the web host"
    services: str = "services"
    preview_variable: str = ""


ORDINARY = Cloud(keeps_disk=True, bids=True)
ANY_PLATFORM = Platform()


class Cause(StrEnum):
    """What a host's message blames, if that is the same on every host: the image is not there, or not for its CPU."""

    NONE = ""
    ABSENT = "the image cannot be pulled"
    PLATFORM = "the image is not for this processor"


@dataclass(frozen=True, slots=True)
class Notice:
    """A host's message on an instance, as its provider's adapter understands it. `text` is for people.

    `progress`: all is well until now. `wrong`: something is not. `permanent`: it will not run there, ever.
    `of_host`, `of_image`: whose fault it is, if the text names it. `port_taken`: another container has its port.
    `cause`: it would be the same on every host.
    """

    text: str
    progress: bool
    wrong: bool
    permanent: bool
    of_host: bool
    of_image: bool
    port_taken: bool
    cause: Cause = Cause.NONE


SILENT = Notice("", progress=True, wrong=False, permanent=False, of_host=False, of_image=False, port_taken=False)


def provider_id(value: str) -> str:
    """An id as a provider may give it out: up to 128 letters, digits, dots, dashes. ValueError for anything else."""
    if not FORM.fullmatch(value):
        raise ValueError(f"{value!r} is not an id")
    return value


def instance_id(value: str) -> InstanceId:
    """The same as the id of an instance. Raises ValueError."""
    return InstanceId(provider_id(value))
