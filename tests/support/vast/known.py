"""Known exceptions of Vast's command line and of Vast's OpenAPI file."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.known import Known

PINNED = "1.9.1"
# What the unmodified command line does wrong itself; the sandbox does not make up for it.
CLI: Mapping[str, Known] = {
    "execute": Known(
        "takes the text of the result for the response, and crashes after the command was executed",
        f"vastai {PINNED}: cli/commands/misc.py",
    ),
    "exit code": Known(
        "0 after an error that the server returned; the error is printed on stderr", f"vastai {PINNED}: cli/main.py"
    ),
}
# Fields of one instance that are of another type than the file's schema of one instance says.
WRONG_IN_THE_FILE: Mapping[str, Known] = {
    "ports": Known(
        "a list of numbers in the schema of one instance; an object in that of a page, and read as one by the SDK",
        f"vastai {PINNED}: sdk.py",
    ),
}
