"""Section `notify`: the variable with the addresses that notices are sent to, and the kinds that are not sent."""

from __future__ import annotations

from ert_deploy.config.schema.parts import Field, Many, Section
from ert_deploy.config.schema.scalars import matching, one_of
from ert_deploy.config.settings import NOTIFY_URLS, Notify
from ert_deploy.core.notices.notice import Kind

_DEFAULT = Notify()

variable = matching(
    rf"{NOTIFY_URLS}[A-Z0-9_]{{0,100}}",
    "the name of the environment variable that holds the addresses",
    f"{NOTIFY_URLS}, or a name that begins like it; an address itself is never in a config",
    secret=True,
)
SECTION = Section(
    "notify",
    (Field("urls", variable, _DEFAULT.urls), Many("mute", one_of(kind.value for kind in Kind), _DEFAULT.mute)),
)
