"""Known exceptions of the third-party clients of Render: what fails, why, and the source of the response."""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.sandbox.render.models import Profile

_NO_COMMIT = (
    "a deploy of an image has `commit: null`, which the SDK cannot read; recorded 2025-05-14 in "
    "render-oss/terraform-provider-render, internal/provider/cronjob/resource/testdata/cron_job_cassette.yaml"
)
SDK: Mapping[Profile, Mapping[str, str]] = {
    "as_recorded": {"deploys.retrieve_deploy_of_an_image": _NO_COMMIT},
    "spec_strict": {},
}
