"""Known exceptions of the third-party clients of Render: what fails or is not asked, why, and who says so."""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.sandbox.render.models import Profile
from tests.support.known import Known

PINNED, SCHEMATHESIS = "1.5.0", "4.32.5"
# Operations at which Render's SDK has to fail.
SDK: Mapping[Profile, Mapping[str, Known]] = {
    "as_recorded": {
        "deploys.retrieve_deploy_of_an_image": Known(
            "a deploy of an image has `commit: null`, which the SDK cannot read; recorded 2025-05-14",
            "render-oss/terraform-provider-render: internal/provider/cronjob/resource/testdata/cron_job_cassette.yaml",
        )
    },
    "spec_strict": {},
}

_BAD_QUERY = Known(
    "400 for an invalid limit, cursor or time, which the OpenAPI lists for some lists only; the SDK has its codes",
    f"render {PINNED}: public_api/models/error_code.py",
)
# Operations whose status 400 the OpenAPI lacks, by operationId: added to it before programs read it.
UNDOCUMENTED: Mapping[str, Known] = dict.fromkeys(
    (
        "list-owners",
        "list-services",
        "list-deploys",
        "list-disks",
        "list-secret-files-for-service",
        "get-env-vars-for-service",
    ),
    _BAD_QUERY,
)
# Operations that no generated request may call.
LEFT_ALONE: Mapping[str, Known] = {
    "delete-service": Known(
        "deletes the one service that all other requests are about", "Render OpenAPI: delete-service"
    ),
    "suspend-service": Known(
        "suspends the one service; deploys of it are then rejected", "Render OpenAPI: suspend-service"
    ),
}
# Checks of generated requests that are not switched on; all others are.
CHECKS_OFF: Mapping[str, Known] = {
    "positive_data_acceptance": Known(
        "what the schemas allow is not always valid: names, domains, numbers of instances, a deploy that has ended",
        "Render OpenAPI: update-service 400",
    ),
}
# Phases of generated requests that are not run.
PHASES_OFF: Mapping[str, Known] = {
    "coverage": Known(
        "3,800 requests of one value each at the limits of the schemas: minutes, and `make` bounds this run",
        f"schemathesis {SCHEMATHESIS}: --phases coverage",
    ),
    "stateful": Known("follows links between operations, of which the OpenAPI has none", "Render OpenAPI: no links"),
}
# Places of the OpenAPI that are made narrower or wider before programs read them.
CHOICES: Mapping[str, Known] = {
    "serviceDetails": Known(
        "`oneOf` without a discriminator, of which a web service fits several; only those of a web service are kept",
        "Render OpenAPI: serviceDetails",
    ),
    "details": Known(
        "`oneOf` of an event's details without a discriminator, of which several fit; `anyOf` instead",
        "Render OpenAPI: serviceEventWithCursor",
    ),
}
