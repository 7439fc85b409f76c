"""Messages of hosts on Vast.ai: the meaning of `status_msg`, and who is to blame.

The text is Docker's or the host's own. Sources: Vast docs, and dstack's Vast backend.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ert_deploy.core.model.provider import Cause, Notice

# Messages of Vast when an image cannot be pulled or a container cannot be made.
PERMANENT = re.compile(
    r"manifest unknown|pull access denied|failed to resolve reference|unauthorized|repository does not exist"
    r"|no basic auth credentials|oci runtime create failed|failed to inject cdi|no space left"
    r"|port is already allocated",
    re.IGNORECASE,
)
# Messages of a host while all is well, and parts of messages that it sends only when it is not.
PROGRESS = re.compile(
    r"\s*(?:[0-9a-f]{6,}: ?)?(?:success|pulling|downloading|download complete|pull complete|extracting|waiting"
    r"|verifying|already exists|preparing|$)",
    re.IGNORECASE,
)
WRONG = re.compile(
    r"error|denied|fail|too ?many ?requests|unknown|unauthorized|does not exist|not found|no such|no space|refused"
    r"|timed? ?out|exec format",
    re.IGNORECASE,
)
# The host's own fault, and a port that another instance of ours on the same machine has: neither is the fault of
# the image, unless the rest of the message is about a file in the image.
OF_THE_HOST = re.compile(r"oci runtime create failed|failed to inject cdi|no space left|port is already", re.IGNORECASE)
OF_THE_IMAGE = re.compile(
    r"exec format|no such file|executable file|manifest unknown|pull access denied|repository does not exist"
    r"|no matching manifest|unauthorized|no basic auth credentials",
    re.IGNORECASE,
)


ABSENT = re.compile(
    r"manifest unknown|pull access denied|repository does not exist|unauthorized|no basic auth credentials",
    re.IGNORECASE,
)
PLATFORM = re.compile(r"exec format|no matching manifest", re.IGNORECASE)


@lru_cache(maxsize=1024)
def read(text: str) -> Notice:
    """Return what a message means; an empty one is as good as progress."""
    return Notice(
        text=text,
        progress=PROGRESS.match(text) is not None,
        wrong=WRONG.search(text) is not None,
        permanent=PERMANENT.search(text) is not None,
        of_host=OF_THE_HOST.search(text) is not None,
        of_image=OF_THE_IMAGE.search(text) is not None,
        port_taken="port is already" in text.lower(),
        cause=_cause(text),
    )


def _cause(text: str) -> Cause:
    if PLATFORM.search(text):
        return Cause.PLATFORM
    return Cause.ABSENT if ABSENT.search(text) else Cause.NONE
