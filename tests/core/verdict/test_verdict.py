"""Verdict: every link in every state, and what follows for the whole. Missing data is never good."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.machine.figures import Figures, LastReport
from ert_deploy.core.model.observed import Address, Health, OffSwitch, Power, Vital
from ert_deploy.core.model.provider import Notice
from ert_deploy.core.planning.app_env import withdrawn
from ert_deploy.core.planning.candidates import Classified
from ert_deploy.core.planning.health import Candidate
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts, main
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Level, Missing, Name, Standing, standing
from tests.support.ids import nth
from tests.support.situations import ADMIN, BOTH, DASH, OTHER_KEY, UP, app, instance, intent, stopped, token, tombstone
from tests.support.verdicts import BUSY, ENV, PEM, WELL, brief, empty, env, serving, sleeping

LOADING = Health(Vital.LOADING, phase="pulling", completed=42, total=100, certificate=WELL.certificate)
FAR = Health(Vital.UNREACHABLE, "no connection to 203.0.113.7:40007 (timed out)")
WRONG = Notice("docker: no such image", False, True, True, False, True, False)
PULLING = Notice("pulling", True, False, False, False, False, False)
STRAY = replace(instance(9), owner="", mark=Mark("ert", token(9)))


def of(name: str) -> dict[str, Any]:
    """Return the mark of an instance of another deployment, or of another replica."""
    return {"claims": name, "mark": Mark(name, token(1)), "born": Mark(name, token(1))}


# Of `ert`: two more replicas, one of them asleep, an ignored one, and two of others.
REPLICAS = (
    instance(8, **of("ert.2")), stopped(9, **of("ert.3"), disk_dph=0.002), instance(5, **of("ert.5")),
    instance(10, **of("other.2")), instance(11, **of("ert.4"), owner="another-project:"),
)  # fmt: skip
GONE = Missing("Vast.ai does not respond")
NO_ANSWER = {"dash": 0}

# What was read, the verdict, and a piece of the line of each link that is not good or that the case is about.
CASES: dict[str, tuple[Facts, Standing, tuple[str, ...]]] = {
    "healthy": (serving(), Standing.AS_WANTED, ("good guard 7: proven", "good last report 7: written 1 min ago")),
    "healthy, idle": (
        serving(figures=replace(BUSY, last=None, written=0)), Standing.AS_WANTED,
        ("unknown last report 7: none (wanted: written) no report was finished",),
    ),
    "asleep, idle": (sleeping(Asleep.IDLE), Standing.AS_WANTED, ("good contract 7: stopped (idle), $0.0020/h",)),
    "asleep, lifetime": (sleeping(Asleep.LIMIT), Standing.AS_WANTED, ("good contract 7: stopped (limit)",)),
    "asleep, budget": (sleeping(Asleep.BUDGET), Standing.AS_WANTED, ("good contract 7: stopped (budget)",)),
    "asleep, asked": (
        sleeping(Asleep.ASKED), Standing.AS_WANTED,
        ("good contract 7: stopped (asked)", "unknown engine 7: asleep", "unknown model 7: asleep",
         "good app config dash", "good app instance dash", "unknown last report 7: not known"),
    ),
    "outbid": (sleeping(Asleep.OUTBID), Standing.DEGRADED, ("bad contract 7: stopped (outbid)", "bids more")),
    "no credit": (
        sleeping(Asleep.CREDIT, credit=Credit(-0.01, "add credit")), Standing.DEGRADED,
        ("bad contract 7: stopped (credit)", "bad account : $-0.01, 0 min at $0.0020/h", "add credit"),
    ),
    "asleep, idle or asked": (
        sleeping(Missing("no log")), Standing.AS_WANTED,
        ("unknown contract 7: stopped, $0.0020/h for its disk", "whether it was idle or asked to is not known: no log"),
    ),
    "asleep, why is not known": (
        sleeping(None, credit=Credit(float("inf"))), Standing.DEGRADED,
        ("why it sleeps is not known: its log was not read",),
    ),
    "after down": (
        empty(), Standing.AS_WANTED,
        ("good contract : none", "good account : $25.00 (wanted: no credit needed)",
         "good app config dash: switched off",
         "good app instance dash"),
    ),
    "never up": (
        empty(apps=(app({}, shows=None),)), Standing.AS_WANTED,
        ("good app config dash: none of our variables",
         "unknown app instance dash: no response (wanted: no fingerprint)"),
    ),
    "never up, app without the field": (
        empty(apps=(app({}, shows=None),), answers={"dash": 200}), Standing.AS_WANTED,
        ("unknown app instance dash: none",),
    ),
    "never up, app fails": (
        empty(apps=(app({}, shows=None),), answers={"dash": 502}), Standing.AS_WANTED,
        ("unknown app instance dash: HTTP 502 at /health",),
    ),
    "after down, not deployed": (
        empty(apps=(app(withdrawn(DASH), shows="f" * 16),)), Standing.DEGRADED,
        ("bad app instance dash: fingerprint f",),
    ),
    "destroyed by somebody else": (
        empty(records=(serving().main.record,), apps=(app(ENV),)), Standing.DEGRADED,  # type: ignore[union-attr]
        ("bad contract 7: not listed any more", "bad app config dash: a backend that is gone"),
    ),
    "low credit": (
        serving(credit=Credit(0.15, "add credit")), Standing.DEGRADED,
        ("bad account : $0.15, 45 min at $0.2000/h (wanted: credit for 1 h) at $0 the provider stops everything",),
    ),
    "low credit for its replicas together": (
        serving(
            instance(7), *REPLICAS, credit=Credit(0.25, "add credit"), desired=replace(UP, ignored=frozenset({nth(5)})),
        ), Standing.DEGRADED,
        ("bad account : $0.25, 37 min at $0.4020/h",),
    ),
    "credit not shown": (
        serving(credit=Credit(float("inf"))), Standing.AS_WANTED, ("unknown account : not shown", "user_read"),
    ),
    "price not known": (
        serving(instance(7, dph=float("nan"))), Standing.DEGRADED, ("unknown contract 7: running, an unknown price",),
    ),
    "credit not read": (serving(credit=GONE), Standing.UNCLEAR, ("unknown account : not read",)),
    "nothing read": (
        replace(serving(credit=GONE), situation=GONE), Standing.UNCLEAR,
        ("unknown contract : not read", "unknown app config dash: not compared", "good app instance dash"),
    ),
    "nothing read, app silent": (
        replace(serving(apps=(app(ENV, shows=None),)), situation=GONE), Standing.UNCLEAR,
        ("unknown app instance dash: no response",),
    ),
    "too dear": (
        serving(instance(7, dph=0.5)), Standing.DEGRADED, ("bad contract 7: running, $0.5000/h", "offer/max_dph"),
    ),
    "another image": (
        serving(instance(7, spec="old")), Standing.DEGRADED, ("bad contract 7", "`ert-deploy up` replaces it"),
    ),
    "another deployment, unjudged": (
        serving(instance(7, spec="old"), whole=False, health=replace(WELL, model="other:1b")), Standing.AS_WANTED,
        ("good contract 7: running", "(wanted: rented)", "good model 7: other:1b (wanted: a model)"),
    ),
    "two": (
        serving(instance(7), instance(8)), Standing.DEGRADED, ("bad contract 8: running, $0.2000/h (wanted: gone)",),
    ),
    "another one, provisioning": (
        serving(instance(7), replace(instance(8), status=None)), Standing.DEGRADED, ("bad contract 8: provisioning",),
    ),
    "to be destroyed": (
        serving(instance(7), instance(8), tombstones=(tombstone(8),)), Standing.DEGRADED,
        ("bad contract 8: still listed (wanted: destroyed)",),
    ),
    "its absence unconfirmed": (
        serving(tombstones=(tombstone(8),)), Standing.DEGRADED, ("unknown contract 8: not confirmed",),
    ),
    "a create of unknown outcome": (
        serving(intents=(intent(8, 5),)), Standing.DEGRADED, ("unknown contract : 1 of unknown",),
    ),
    "a stray": (serving(instance(7), STRAY), Standing.UNCLEAR, ("bad stray 9: marked, $0.2000/h (wanted: an owner)",)),
    "a stray wins over a bad engine": (
        serving(instance(7), STRAY, health=replace(WELL, vital=Vital.UNHEALTHY)), Standing.UNCLEAR, ("bad engine 7",),
    ),
    "starting": (
        serving(instance(7, status="loading", address=None), health=None, pinned=False), Standing.DEGRADED,
        ("unknown container 7: loading (wanted: running) it starts", "unknown guard 7: not asked", "it has no address"),
    ),
    "pulling": (
        serving(instance(7, status="loading", address=None, message=PULLING), health=None, pinned=False),
        Standing.DEGRADED, ("unknown container 7: loading (wanted: running) pulling",),
    ),
    "cannot start": (
        serving(instance(7, status="created", address=None, message=WRONG), health=None, pinned=False),
        Standing.DEGRADED, ("bad container 7: created (wanted: running) docker: no such image",),
    ),
    "exited": (
        serving(instance(7, status="exited"), health=FAR), Standing.DEGRADED,
        ("bad container 7: exited (wanted: running) it exited", "bad identity 7: no response"),
    ),
    "exited, with a message": (
        serving(instance(7, status="exited", message=WRONG), health=FAR), Standing.DEGRADED,
        ("bad container 7: exited (wanted: running) docker: no such image",),
    ),
    "offline": (
        serving(instance(7, status="offline"), health=FAR), Standing.DEGRADED,
        ("unknown container 7: offline", "lost sight"),
    ),
    "stopping": (
        serving(
            replace(stopped(7), power=Power.STOPPING), health=None, asleep=Asleep.ASKED
        ), Standing.DEGRADED, ("unknown container 7: exited (wanted: stopped) it was asked to stop",),
    ),
    "no port": (
        serving(replace(instance(7), address=None), health=None), Standing.DEGRADED,
        ("unknown container 7: running (wanted: running, with a port)",),
    ),
    "guard refused": (
        serving(health=replace(WELL, off_switch=OffSwitch.REFUSED)), Standing.DEGRADED, ("bad guard 7: refused",),
    ),
    "guard unproven": (
        serving(health=replace(WELL, off_switch=OffSwitch.UNKNOWN)), Standing.DEGRADED, ("unknown guard 7: unproven",),
    ),
    "guard not reported": (
        serving(health=replace(WELL, off_switch=None)), Standing.AS_WANTED, ("too old to report it",),
    ),
    "unclaimed": (serving(figures=replace(BUSY, claimed=False)), Standing.DEGRADED, ("bad guard 7: unclaimed",)),
    "an impostor": (
        serving(health=Health(Vital.IMPOSTOR, "it cannot prove its identity")), Standing.DEGRADED,
        ("bad identity 7: something else answers", "unknown engine 7: not asked", "unknown model 7"),
    ),
    "an unreachable backend": (
        serving(health=FAR, figures=Missing("unreachable")), Standing.DEGRADED,
        ("bad identity 7: no response", "timed out", "unknown last report 7: not known", "good app config dash"),
    ),
    "booting": (
        serving(health=Health(Vital.UNREACHABLE), records=(), apps=(app(withdrawn(DASH)),), pinned=False),
        Standing.DEGRADED,
        ("unknown identity 7: no response yet", "bad app config dash: no ERT_LLM_BACKEND_URL, ERT_LLM_API_KEY"),
    ),
    "loading": (
        serving(health=LOADING), Standing.DEGRADED,
        ("unknown engine 7: loading (wanted: online) pulling (42 %)", "unknown model 7: not known to be loaded",
         "good identity 7: proven, certificate"),
    ),
    "loading, without figures": (
        serving(health=Health(Vital.LOADING, certificate=WELL.certificate)), Standing.DEGRADED, ("it boots",),
    ),
    "engine hung": (
        serving(health=replace(WELL, vital=Vital.UNHEALTHY, detail="the engine produces no output")), Standing.DEGRADED,
        ("bad engine 7: unhealthy (wanted: online) the engine produces no output", "unknown model 7"),
    ),
    "engine restarted": (
        serving(figures=replace(BUSY, restarts=2)), Standing.AS_WANTED, ("restarted 2 times after it hung",),
    ),
    "engine unnamed": (serving(health=replace(WELL, engine="")), Standing.AS_WANTED, ("good engine 7: online",)),
    "another model": (serving(health=replace(WELL, model="other:1b")), Standing.DEGRADED, ("bad model 7: other:1b",)),
    "the same model by another tag": (
        serving(health=replace(WELL, model="gpt-oss:20b:latest")), Standing.AS_WANTED, ("good model 7",),
    ),
    "no model": (serving(health=replace(WELL, model="")), Standing.DEGRADED, ("unknown model 7", "it is not ready")),
    "model outside of the GPU": (
        serving(figures=replace(BUSY, gpu_bytes=6_900_000_000)), Standing.DEGRADED,
        ("bad model 7: gpt-oss:20b", "only 6.9 of 13.8 GB are in GPU memory"),
    ),
    "no figures": (
        serving(figures=Missing("it rejects the key")), Standing.AS_WANTED,
        ("unknown last report 7: not known (wanted: written) it rejects the key",),
    ),
    "key not accepted": (
        serving(apps=(app(env(key=OTHER_KEY)),)), Standing.DEGRADED,
        ("bad app config dash: another key", "does not accept the key in ERT_LLM_API_KEY"),
    ),
    "keys not known": (
        serving(replace(instance(7), key_hashes=())), Standing.AS_WANTED, ("good app config dash",),
    ),
    "no record, so that only the discarded first key is known": (
        serving(replace(instance(7), key_hashes=("0" * 64,)), records=()), Standing.AS_WANTED,
        ("good app config dash",),
    ),
    "another address": (
        serving(apps=(app(env(at="https://203.0.113.9:40009")),)), Standing.DEGRADED,
        ("bad app config dash: differs in ERT_LLM_BACKEND_URL",),
    ),
    "another certificate": (
        serving(apps=(app(env(pem="old")),)), Standing.DEGRADED, ("differs in ERT_LLM_CA_CERT",),
    ),
    "certificate not known": (
        serving(health=FAR, pinned=False), Standing.DEGRADED, ("unknown app config dash: not compared",),
    ),
    "asleep without a url": (
        sleeping(Asleep.IDLE, apps=(app({n: v for n, v in ENV.items() if n != DASH.names.url}),)), Standing.DEGRADED,
        ("bad app config dash: differs in ERT_LLM_BACKEND_URL",),
    ),
    "suspended": (
        serving(apps=(replace(app(ENV), suspended="billing"),)), Standing.DEGRADED, ("bad app config dash: suspended",),
    ),
    "app not read": (
        serving(desired=BOTH, unread={"admin": "Render does not respond"}), Standing.UNCLEAR,
        ("unknown app config admin: not read (wanted: readable) Render does not respond", "unknown app instance admin"),
    ),
    "app rolled back": (
        serving(apps=(app(ENV, shows="0" * 16),)), Standing.DEGRADED,
        ("bad app instance dash: fingerprint 0", "rolled back"),
    ),
    "app rolled back to an old version": (
        serving(apps=(app(ENV, shows=None),), answers={"dash": 200}), Standing.DEGRADED,
        ("bad app instance dash: none", "shows no fingerprint"),
    ),
    "app fails": (
        serving(apps=(app(ENV, shows=None),), answers={"dash": 503}), Standing.DEGRADED,
        ("bad app instance dash: HTTP 503 at /health (wanted: fingerprint",),
    ),
    "app silent": (
        serving(apps=(app(ENV, shows=None),), answers=NO_ANSWER), Standing.DEGRADED,
        ("unknown app instance dash: no response",),
    ),
    "report failed": (
        serving(figures=replace(BUSY, failed=1, last=LastReport(False, "the engine produced no text", 30.0))),
        Standing.DEGRADED,
        ("bad last report 7: failed 30 s ago (1 of 4 failed) (wanted: written) the engine produced",),
    ),
    "report failed, no reason": (
        serving(figures=replace(BUSY, last=LastReport(False, "", 3600.0))), Standing.DEGRADED, ("no reason given",),
    ),
    "old image, all reports fail": (
        serving(figures=Figures(written=0, failed=3)), Standing.DEGRADED, ("bad last report 7: 3 failed",),
    ),
    "old image, some reports fail": (
        serving(figures=Figures(written=2, failed=3)), Standing.AS_WANTED,
        ("unknown last report 7: not known (3 of 5 failed)", "does not report which"),
    ),
    "old image, nothing counted": (serving(figures=Figures()), Standing.AS_WANTED, ("unknown last report 7: none",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_link_says_what_was_seen_next_to_what_is_wanted(name: str) -> None:
    facts, verdict, pieces = CASES[name]
    found = links(facts)
    text = "\n".join(map(brief, found))
    assert standing(found) is verdict, text
    for piece in pieces:
        assert piece in text, text


@pytest.mark.parametrize("name", CASES)
def test_a_link_that_is_not_good_says_why(name: str) -> None:
    for link in links(CASES[name][0]):
        assert link.wanted
        assert link.seen
        assert bool(link.why) is (link.level is not Level.GOOD), brief(link)


@pytest.mark.parametrize("name", CASES)
def test_what_is_missing_is_never_good(name: str) -> None:
    """With every source unread, no link of it may be good."""
    facts = CASES[name][0]
    blind = Facts(facts.desired, GONE, GONE, unread={t.service: "not read" for t in facts.desired.targets})
    assert {link.level for link in links(blind)} == {Level.UNKNOWN}
    assert standing(links(blind)) is Standing.UNCLEAR


def test_the_links_are_in_the_order_of_a_request() -> None:
    names = [link.name for link in links(serving())]
    absent = (Name.ENDPOINT, Name.KEY, Name.STRAY, Name.STATE, Name.PROCESS)
    assert names == [name for name in Name if name not in absent]


def test_the_verdict_is_an_exit_code() -> None:
    assert {one: one.exit_code for one in Standing} == {
        Standing.AS_WANTED: 0, Standing.DEGRADED: 6, Standing.UNCLEAR: 5,
    }  # fmt: skip
    assert standing(()) is Standing.AS_WANTED


def test_the_main_instance_is_the_one_that_an_app_uses_even_if_it_is_lost() -> None:
    lost = serving(
        instance(7), instance(8, status="exited"), health=FAR, watches={}, desired=replace(UP, targets=(DASH,))
    )
    assert lost.instance is not None
    assert lost.instance.id == nth(7)
    assert not lost.sleeps
    assert empty().instance is None
    failed = serving(instance(7, spec="old", address=Address("203.0.113.7", 1)), health=None, records=())
    assert failed.instance is not None


def test_an_app_of_another_deployment_is_not_judged() -> None:
    found = links(serving(desired=replace(UP, targets=(Target("dash"), ADMIN)), whole=False))
    assert {Name.APP, Name.APP_CONFIG}.isdisjoint(link.name for link in found)


def test_a_certificate_is_named_by_the_first_12_digits_of_its_hash() -> None:
    (identity,) = (link for link in links(serving()) if link.name is Name.IDENTITY)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(PEM)).hexdigest()
    assert identity.seen == f"proven, certificate {digest[:12]}"


def test_without_one_to_keep_the_main_instance_is_the_one_that_an_app_may_use() -> None:
    def candidate(number: int, *, published: bool = False, pointed: bool = False, halted: bool = False) -> Candidate:
        shown = stopped(number) if halted else instance(number)
        return Candidate(shown, None, Watch("", 0.0), None, published, pointed)

    best_first = [
        candidate(5, published=True, pointed=True),
        candidate(6, pointed=True),
        candidate(7, published=True),
        candidate(8, published=True, halted=True),
        candidate(9),
        candidate(10, halted=True),
    ]
    for number, best in enumerate(best_first):
        left = tuple(reversed(best_first[number:]))
        made = SimpleNamespace(classified=Classified(None, left[:1], left[1:], {}))
        assert main(cast(Situation, made)) is best
    assert main(cast(Situation, SimpleNamespace(classified=Classified(None, (), (), {})))) is None
