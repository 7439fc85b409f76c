"""Instance ownership, derived from `Mark`, state, config and apps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.labels import Mark, read_birth
from ert_deploy.core.model.observed import Health, Instance, Observed, Vital
from ert_deploy.core.model.owner import NOBODY, Owner, Relation, owner_text, parse_owner, service_hash
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import DropIntent
from ert_deploy.core.planning.marks import sort_out
from ert_deploy.core.planning.ownership import to_probe
from ert_deploy.core.planning.records import taken
from ert_deploy.core.planning.situation import Situation
from tests.support.ids import nth
from tests.support.situations import (
    ADMIN,
    DASH,
    KEY,
    NOW,
    OTHER_KEY,
    UP,
    app,
    env,
    healthy,
    instance,
    intent,
    record,
    seen,
    token,
    tombstone,
)

HERE, THERE = service_hash("srv-dash"), service_hash("srv-elsewhere")
NAMELESS = replace(UP, owner="")
LABEL_LOST: dict[str, Any] = {"mark": None, "claims": None, "label_token": ""}
ENVIRONMENT_LOST: dict[str, Any] = {"mark": None, "born": None, "owner": "", "spec": "", "key_hashes": ()}
OLD: dict[str, Any] = {"owner": ""}  # created by a version without owners
THEIRS: dict[str, Any] = {"owner": f"their-project:{THERE}"}
DASH_APP = app(env(1))


def with_claims(observed: Observed, **claims: Any) -> Observed:
    texts: dict[str, Any] = {name: tuple(map(str, found)) for name, found in claims.items()}
    return replace(observed, state=replace(observed.state, claims=Claims(**texts)))


# name: desired and actual values, and the ids that are owned, undecided (with part of the reason), and foreign
CASES: dict[str, tuple[Any, Observed, list[int], dict[int, str], list[int]]] = {
    "both marks and our owner": (UP, seen(instance(1)), [1], {}, []),
    "nothing of ours": (
        UP, seen(Instance(nth(3)), instance(4, mark=Mark("x", token(4)), claims="x", born=None)), [], {}, [],
    ),
    "an edited label on one that the state knows": (
        UP, seen(instance(1, **LABEL_LOST), records=(record(1),)), [1], {}, [],
    ),
    "an edited label on one that the state wants gone": (
        UP, seen(instance(1, **LABEL_LOST), tombstones=(tombstone(1),)), [1], {}, [],
    ),
    "an edited label on a create that is not answered": (
        UP, seen(instance(1, **LABEL_LOST), intents=(intent(1, 5),)), [1], {}, [],
    ),
    "an edited label and no state": (UP, seen(instance(1, **LABEL_LOST)), [], {1: "its label is not"}, []),
    "another project's label pasted over ours": (
        UP, seen(instance(1, mark=None, claims="other")), [], {1: "its label is not"}, [],
    ),
    "a label alone": (UP, seen(instance(1, **ENVIRONMENT_LOST)), [], {1: "not our environment"}, []),
    "a label and another deployment's environment": (
        UP, seen(instance(1, mark=None, born=Mark("x", token(1)), owner="")), [], {1: "not our environment"}, [],
    ),
    "an environment that is lost, of one that the state knows": (
        UP, seen(instance(1, **ENVIRONMENT_LOST), records=(record(1),)), [], {1: "id is in our state"}, [],
    ),
    "an environment that is lost, of a create that is not answered": (
        UP, seen(instance(1, **ENVIRONMENT_LOST), intents=(intent(1, 5),)), [], {1: "not our environment"}, [],
    ),
    "all marks lost, of one that the state knows": (
        UP, seen(Instance(nth(1)), records=(record(1),)), [], {1: "id is"}, [],
    ),
    "a token alone": (
        UP, seen(Instance(nth(1), born=Mark("", token(1)))), [], {1: "no deployment"}, [],
    ),
    "a person adopted it": (
        UP, with_claims(seen(Instance(nth(1)), records=(record(1),)), adopted=(1,)), [1], {}, [],
    ),
    "a person ignores it": (UP, with_claims(seen(instance(1, **ENVIRONMENT_LOST)), ignored=(1,)), [], {}, []),
    "the config ignores it": (replace(UP, ignored=frozenset({nth(1)})), seen(instance(1, **OLD)), [], {}, []),
    "what the state knows is not ignored": (
        replace(UP, ignored=frozenset({nth(1)})), seen(instance(1), records=(record(1),)), [1], {}, [],
    ),
    "another owner's": (UP, seen(instance(1, **THEIRS)), [], {}, [1]),
    "another owner's with an edited label": (UP, seen(instance(1, **THEIRS, **LABEL_LOST)), [], {}, [1]),
    "another owner's with the token of ours in the state": (
        UP, seen(instance(1, **THEIRS), records=(record(1),)), [1], {}, [],
    ),
    "no owner, and the state knows it": (UP, seen(instance(1, **OLD), records=(record(1),)), [1], {}, []),
    "no owner, and a create of ours is not answered": (
        UP, seen(instance(1, **OLD), intents=(intent(1, 5),)), [1], {}, [],
    ),
    "no owner, and nobody knows it": (UP, seen(instance(1, **OLD)), [], {1: "no owner ("}, []),
    "no owner, and an app holds its address and key": (UP, seen(instance(1, **OLD), apps=(DASH_APP,)), [1], {}, []),
    "no owner, and an app holds its address and another key": (
        UP, seen(instance(1, **OLD), apps=(app(env(1, key=OTHER_KEY)),)), [], {1: "no owner ("}, [],
    ),
    "no owner, and an app holds its address and the certificate it proves": (
        UP, seen(instance(1, **OLD), apps=(app(env(1, key=OTHER_KEY)),), health=(healthy(1),)), [1], {}, [],
    ),
    "no owner, and an app holds its address and another certificate": (
        UP, seen(instance(1, **OLD), apps=(app(env(1, key=OTHER_KEY)),), health=(healthy(2),)),
        [], {1: "no owner ("}, [],
    ),
    "no owner, and it proves nothing": (
        UP, seen(instance(1, **OLD), apps=(app(env(1, key=OTHER_KEY)),), health=(Health(Vital.LOADING),)),
        [], {1: "no owner ("}, [],
    ),
    "no owner and no address": (
        UP, seen(instance(1, **OLD, address=None), apps=(DASH_APP,)), [], {1: "no owner ("}, [],
    ),
    "an owner that is not one": (UP, seen(instance(1, owner="Hello, World!")), [], {1: "no owner ("}, []),
    "no owner id here, one service in common": (
        NAMELESS, seen(instance(1, owner=f":{HERE},{THERE}"), apps=(app({}),)), [1], {}, [],
    ),
    "no owner id here, and other services": (
        NAMELESS, seen(instance(1, owner=f":{THERE}"), apps=(app({}),)), [], {}, [1],
    ),
    "no owner id here, and the apps are not read": (
        NAMELESS, seen(instance(1, owner=f":{HERE}"), apps=None), [], {1: "no owner ("}, [],
    ),
    "no owner id here, and the state remembers the services": (
        NAMELESS, with_claims(seen(instance(1, owner=f":{HERE}"), apps=None), services=(HERE,)), [1], {}, [],
    ),
    "no owner id here, and a service that could not be read": (
        replace(NAMELESS, targets=(DASH, ADMIN)), seen(instance(1, owner=f":{THERE}"), apps=(app({}),)),
        [], {1: "no owner ("}, [],
    ),
    "the owner was changed, the services were not": (
        UP, seen(instance(1, owner=f"before-that:{HERE}"), apps=(app({}),)), [], {1: "no owner ("}, [],
    ),
    "an app that has the address and no key": (
        NAMELESS, seen(instance(1, **OLD), apps=(app({DASH.names.url: env(1)[DASH.names.url]}),)), [], {1: ""}, [],
    ),
    "an app that has a key and no address": (
        NAMELESS, seen(instance(1, **OLD), apps=(app({DASH.names.key: KEY}),)), [], {1: ""}, [],
    ),
    "a copied config, and no state": (
        UP, seen(instance(1, owner=f"our-project:{THERE}"), apps=(app({}),)), [], {1: "other services"}, [],
    ),
    "a copied config and the state of the original": (
        UP, with_claims(seen(instance(1, **OLD), records=(record(1),), apps=(app({}),)),
                        owners=("our-project",), services=(THERE,)),
        [], {1: "written for another owner"}, [],
    ),
    "another project's state": (
        UP, with_claims(seen(instance(1, **THEIRS), records=(record(1),), apps=(app({}),)),
                        owners=("their-project",), services=(THERE,)),
        [], {}, [1],
    ),
    "another owner's state, and the apps are not read": (
        UP, with_claims(seen(instance(1, **THEIRS), records=(record(1),)),
                        owners=("their-project",), services=(THERE,)),
        [], {1: "written for another owner"}, [],
    ),
    "another owner's state, which was written without services": (
        UP, with_claims(seen(instance(1, owner="their-project:"), records=(record(1),), apps=(app({}),)),
                        owners=("their-project",)),
        [], {1: "written for another owner"}, [],
    ),
    "an owner that was changed while an earlier observation had the service": (
        UP, replace(with_claims(seen(instance(1, **OLD), records=(record(1),), apps=None),
                                owners=("before-that",), services=(HERE,)), services=frozenset({HERE})),
        [1], {}, [],
    ),
    "an owner that was changed while the state remembers the services": (
        UP, with_claims(seen(instance(1, **OLD), records=(record(1),), apps=(app({}),)),
                        owners=("before-that",), services=(HERE,)),
        [1], {}, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_whose_it_is(name: str) -> None:
    desired, observed, mine, doubts, others = CASES[name]
    situation = Situation(desired, observed)
    placed = situation.ownership
    assert [int(i.id) for i in placed.ours] == mine
    assert {int(u.instance.id): True for u in placed.undecided} == dict.fromkeys(doubts, True)
    for u in placed.undecided:
        assert doubts[int(u.instance.id)] in u.why
    assert [int(i.id) for i in placed.others] == others
    assert situation.ours == placed.ours
    assert situation.undecided == placed.undecided


def test_what_is_ours_has_its_mark_whatever_its_label_says_and_they_are_sorted() -> None:
    observed = seen(instance(2), instance(1, **LABEL_LOST), records=(record(1),))
    mine = Situation(UP, observed).ours
    assert [(i.id, i.mark) for i in mine] == [("1", Mark("ert", token(1))), ("2", Mark("ert", token(2)))]


def test_an_older_instance_is_probed_before_the_apps_are_read() -> None:
    placed = sort_out(UP, (instance(1), instance(2, **OLD), instance(3, **LABEL_LOST)), State("ert"), frozenset())
    assert [i.id for i in to_probe(placed)] == ["1", "2"]
    assert [i.id for i in to_probe(sort_out(UP, (instance(1),), State("ert"), frozenset()))] == ["1"]


def test_only_a_label_alone_is_no_reason_to_rent_nothing() -> None:
    listed = instance(1, **ENVIRONMENT_LOST), instance(2, **OLD), instance(3, **LABEL_LOST)
    assert [u.blocks for u in Situation(UP, seen(*listed)).undecided] == [False, True, True]
    assert [u.blocks for u in Situation(UP, seen(*listed, intents=(intent(1, 5),))).undecided] == [True, True, True]


def test_what_the_state_holds_has_our_mark_whatever_deployment_its_own_one_names() -> None:
    relabelled = instance(1, mark=Mark("another", token(1)), claims="another")
    (mine,) = Situation(UP, seen(relabelled, records=(record(1),))).ours
    assert mine.mark == Mark("ert", token(1))


@pytest.mark.parametrize("left", [LABEL_LOST, ENVIRONMENT_LOST])
def test_a_create_whose_offer_was_taken_is_not_forgotten_while_one_mark_of_it_is_listed(left: dict[str, Any]) -> None:
    refused = intent(1, 5, gone=True)
    assert not list(taken(Situation(UP, seen(instance(1, **left), intents=(refused,)))))
    elsewhere = Situation(UP, seen(instance(2), intents=(refused,)))
    assert list(taken(elsewhere)) == [DropIntent(token(1), "its offer was taken")]


def test_a_new_instance_and_the_state_name_owner_and_services() -> None:
    known = Situation(UP, seen(apps=(app({}),)))
    assert known.birth_owner == f"our-project:{HERE}"
    assert known.claimed().claims == Claims(("our-project",), (HERE,))
    nothing = Situation(replace(NAMELESS, targets=()), seen(apps=None))
    assert nothing.birth_owner == ""
    assert nothing.claimed().claims == Claims()
    by_id = replace(NAMELESS, services=frozenset({THERE}))
    assert Situation(by_id, seen(apps=None)).birth_owner == f":{THERE}"


@pytest.mark.parametrize("owner", ["", "our-project"])
@pytest.mark.parametrize("services", [(), (HERE,), (HERE, THERE)])
def test_an_owner_survives_the_environment(owner: str, services: tuple[str, ...]) -> None:
    read = parse_owner(owner_text(owner, services))
    assert read == Owner(frozenset(filter(None, [owner])), frozenset(services))


@pytest.mark.parametrize("text", ["", ":", "x", "our-project", "our-project:zz", "our-project:" + "a" * 13])
def test_what_is_no_owner_names_nobody(text: str) -> None:
    assert parse_owner(text) == NOBODY
    assert Owner(frozenset({"our-project"})).relation(NOBODY) is Relation.UNKNOWN


@pytest.mark.parametrize(
    ("env", "born"),
    [
        ({}, None),
        ({"ERT_DEPLOYMENT": "ert", "ERT_TOKEN": token(1)}, Mark("ert", token(1))),
        ({"ERT_DEPLOYMENT": "ert"}, Mark("ert", "")),
        ({"ERT_TOKEN": token(1)}, Mark("", token(1))),
        ({"ERT_DEPLOYMENT": "Not ours", "ERT_TOKEN": "short"}, None),
    ],
)
def test_the_environment_alone_is_a_mark(env: dict[str, str], born: Mark | None) -> None:
    assert read_birth(env) == born


def test_the_owner_changes_neither_the_label_nor_the_spec() -> None:
    assert UP.launch.spec() == NAMELESS.launch.spec()
    said = UP.container_env(token(1), "ab", "secret", owner="our-project:")
    assert said["ERT_OWNER"] == "our-project:"
    assert "ERT_OWNER" not in UP.container_env(token(1), "ab", "secret")
    assert said["ERT_SPEC"] == UP.launch.spec()
    assert NOW
