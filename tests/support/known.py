"""Known exceptions: what a third-party client or contract does otherwise than the sandbox, why, and who says so.

`tests/docs/test_known_exceptions.py` checks each entry: a reason, a source that exists, and that it is still needed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """One exception; what it is about is its key in the table.

    `source` is `PACKAGE VERSION: FILE`, `OWNER/REPOSITORY: FILE`, `Render OpenAPI: PLACE`, `Vast OpenAPI: PLACE`,
    `recording: FIELD`, or `docs/sandbox.md: WORDS` where the sandbox was made that way.
    """

    reason: str
    source: str
