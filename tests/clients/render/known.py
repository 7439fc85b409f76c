"""Known exceptions of the third-party clients of Render: what fails, why, and the source of the response."""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.sandbox.render.models import Profile

_NO_COMMIT = (
    "a deploy of an image has `commit: null`, which the SDK cannot read; recorded 2025-05-14 in "
    "render-oss/terraform-provider-render, internal/provider/cronjob/resource/testdata/cron_job_cassette.yaml"
)
# Operations at which Render's SDK has to fail, with the reason.
SDK: Mapping[Profile, Mapping[str, str]] = {
    "as_recorded": {"deploys.retrieve_deploy_of_an_image": _NO_COMMIT},
    "spec_strict": {},
}

_BAD_QUERY = (
    "400 for an invalid limit, cursor or time: the OpenAPI of 2026-05 does not list it for every list, and the SDK "
    "1.5.0 has its codes `invalid_limit` and `invalid_cursor`"
)
# Statuses that the OpenAPI lacks, by operationId: added to it before programs read it.
UNDOCUMENTED: Mapping[str, Mapping[str, str]] = {
    name: {"400": _BAD_QUERY}
    for name in (
        "list-owners",
        "list-services",
        "list-deploys",
        "list-disks",
        "list-secret-files-for-service",
        "get-env-vars-for-service",
    )
}
# Operations that Schemathesis must not call, because the others then have no service to act on.
LEFT_ALONE = ("delete-service", "suspend-service")
