"""What apps can know of a machine: no agent names one before the state has its certificate.

So one without is in use by no app, and a run that cannot read the apps may give it up.
"""

from __future__ import annotations

from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.key_acceptance import forgotten
from ert_deploy.core.planning.situation import Situation


def unknown_to_apps(candidate: Candidate) -> bool:
    """Whether no app can know it: its create is in the state, its key is the first one, and it was not verified yet.

    False for one whose record was lost and created again, as an app may have known it before.
    """
    record = candidate.record
    if record is None or candidate.published or record.certificate or record.asked:
        return False
    return bool(record.keys) and record.keys == candidate.instance.key_hashes


def to_verify(situation: Situation, candidate: Candidate) -> bool:
    """Whether the state has to get its certificate before agents name it: its key is known, so that apps can use it.

    That is so for each machine, also one that was found, such as a clone: otherwise a run that has read the state
    before could give it up while an app follows. The keys of one that was found are read with that. A key that is not
    derived an app gets from its variables alone.
    """
    record = candidate.record
    named = record is not None and (record.published or bool(record.certificate)) and not forgotten(record)
    return not named and situation.current_key(candidate.instance) is not None
