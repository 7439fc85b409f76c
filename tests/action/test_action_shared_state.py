"""CI and a laptop share one deployment through S3: one started by a job is seen, slept, woken and ended elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Place
from tests.support.action.runner import Job
from tests.support.doubles import moto_s3
from tests.support.nightly import nightly

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.mark.parametrize("taken", [True, *nightly(False)])
def test_what_a_job_brought_up_is_slept_woken_and_taken_down_from_another_folder(
    job: Job, place: Place, s3: tuple[Any, str], taken: bool
) -> None:
    client, url = s3
    aws = {"AWS_ENDPOINT_URL_S3": url, **moto_s3.KEYS}
    bucket = moto_s3.bucket(client)
    ours, theirs = (place.beside(name, f"s3://{bucket}/shared.json", **aws) for name in ("laptop", "checkout"))
    job.extra |= aws
    made = job.use(command="up", config="mine.yaml", working_directory=theirs.folder.name)
    assert made.code == 0, made.log
    before, deploys = place.variables(), place.deploys()

    (seen,) = ours.data("status")["backends"]
    assert (seen["url"], seen["health"]) == (made.outputs["backend-url"], "healthy")
    assert not ours.data("up")["changed"]

    (asleep,) = ours.data("sleep")["backends"]
    assert (asleep["instance"], asleep["asleep"]) == (seen["instance"], True)
    assert place.variables() == before
    again = job.use(command="sleep", config="mine.yaml", working_directory=theirs.folder.name)
    assert again.outputs["changed"] == "false", again.log

    if taken:
        place.trouble(provider="vast", kind="gpu_taken", instance_id=int(seen["instance"]))
    (awake,) = ours.data("wake")["backends"]
    assert awake["health"] == "healthy"
    assert (awake["instance"] == seen["instance"]) is not taken
    assert place.instances() == [awake["instance"]], "the old disk is gone"
    assert place.variables()["ERT_LLM_BACKEND_URL"] == awake["url"]
    assert (place.deploys() == deploys) is not taken, "what did not change is not published"

    held = place.variables()["ERT_LLM_API_KEY"]
    rotated = job.use(command="rotate", config="mine.yaml", working_directory=theirs.folder.name)
    assert rotated.code == 0, rotated.log
    assert rotated.outputs["changed"] == "true"
    assert place.variables()["ERT_LLM_API_KEY"] not in {held, ""}
    assert not ours.data("up")["changed"]

    ours.ert("down")
    assert place.bill()["running"] == []
    assert job.use(command="wake", config="mine.yaml", working_directory=theirs.folder.name).code == 2
