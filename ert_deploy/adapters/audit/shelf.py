"""Folder of audit logs: one private file per machine, without secrets, the oldest removed beyond a number."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from ert_deploy.adapters.private import keep_out_of_git, make_folder, new_private
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import inert
from ert_deploy.core.redaction import clean

MOST_FILES = 32
MOST_BYTES = 65_536  # of one file: more than a machine sends
_ODD = re.compile(r"[^0-9A-Za-z_-]")


class AuditShelf:
    """Audit logs in `folder`, which is made when the first one is kept, mode 0700."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, instance_id: InstanceId, lines: tuple[str, ...]) -> None:
        """Write the lines, the newest that fit, in place of those kept for this machine before. Raise `OSError`."""
        text = "".join(f"{inert(clean(line))}\n" for line in lines).encode()
        if len(text) > MOST_BYTES:
            text = text[-MOST_BYTES:].partition(b"\n")[2]
        make_folder(self.folder, lambda _: None)
        keep_out_of_git(self.folder.parent)
        path = self.folder / f"{_ODD.sub('_', instance_id)[:64]}.jsonl"
        temporary = path.with_suffix(".tmp")
        with new_private(temporary) as file:
            file.write(text)
        temporary.replace(path)
        self._forget()

    def _forget(self) -> None:
        """Remove the oldest files beyond `MOST_FILES`."""
        kept = sorted(self.folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[MOST_FILES:]:
            with suppress(FileNotFoundError):  # another run has just removed it
                path.unlink()
