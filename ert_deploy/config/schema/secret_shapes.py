"""Secret detection: a pattern of common keys and passwords, for files that must not contain any. It is not complete."""

from __future__ import annotations

import re

SECRET_VALUE = re.compile(
    r"\b(ert|rnd|sk|hf|ghp|gho|github_pat|glpat|xox[abprs])[-_][A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{16}"
    r"|(?<!sha256:)\b[0-9a-fA-F]{48,}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@"
)
