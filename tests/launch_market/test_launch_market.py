"""Launch market: same offers for every policy, conserved money, an oracle that no policy beats, and which is first."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from benchmarks.launch import page, tables
from benchmarks.launch.bound import CLOSE, chance, quantile, works
from benchmarks.launch.chart import draw
from benchmarks.launch.claims import Claim, best, claims, grid, sweeps
from benchmarks.launch.machines import NEVER, Fate
from benchmarks.launch.market import Market
from benchmarks.launch.measure import NAMES, ORACLE, PRODUCT, Case, Tally, beaten, measure, players
from benchmarks.launch.parameters import GRID, HORIZON, IMAGE_GB, KNOBS, MODEL_GB, MOODS, VERIFIED_ONLY, values
from benchmarks.launch.peers import oracle, play
from benchmarks.launch.rental import DISK_PER_HOUR, Rental
from benchmarks.launch.rules import HEDGING, PEERS, SEQUENTIAL, Rule
from benchmarks.launch.session import CREATE_EVERY, Session, TooManyError
from ert_deploy.core.model.observed import Offer

BAD_DAY = MOODS[-1]
LAUNCHES = {mood: 40 if mood == BAD_DAY else 10 for mood in MOODS}
DOCS = Path(__file__).resolve().parents[2] / "docs"


Launched = dict[Case, dict[str, Tally]]


@pytest.fixture(scope="module")
def found() -> Launched:
    """Return the launches of every policy in each mood, which one worker plays once."""
    tallies: Launched = {}
    for mood in MOODS:
        tallies |= measure([Case(mood)], LAUNCHES[mood])
    return tallies


def session(seed: int, mood: str = BAD_DAY, **changed: float) -> Session:
    knobs = values(mood, {name.replace("_", " "): value for name, value in changed.items()})
    return Session(Market(seed, knobs, verified_only=VERIFIED_ONLY[mood]), knobs)


def offers_of(market: Market, now: float) -> list[Offer]:
    return [listing.offer for listing in market.on_sale(now)]


@pytest.mark.parametrize("mood", MOODS)
def test_the_offers_are_the_same_for_whoever_looks_however_often(mood: str) -> None:
    knobs, only = values(mood), VERIFIED_ONLY[mood]
    used, fresh = Market(7, knobs, verified_only=only), Market(7, knobs, verified_only=only)
    for player in players(mood).values():
        player(Session(used, knobs))
    for now in (0.0, 90.0, 3600.0, HORIZON):
        assert offers_of(used, now) == offers_of(fresh, now)
    assert offers_of(fresh, 0.0) != offers_of(Market(8, knobs, verified_only=only), 0.0)


def test_the_number_of_offers_stays_at_its_knob() -> None:
    for mood in MOODS:
        knobs = values(mood)
        counts = {now: 0 for now in (0.0, 3600.0, HORIZON)}
        for seed in range(25):
            market = Market(seed, knobs, verified_only=False)
            market.all_until(HORIZON)
            for now in counts:
                counts[now] += sum(listing.start <= now < listing.shown for listing in market.listings)
        for total in counts.values():
            assert 0.6 * knobs["listed"] < total / 25 < 1.6 * knobs["listed"]


def test_no_policy_is_earlier_than_the_oracle(found: Launched) -> None:
    assert {case.mood: beaten(tallies) for case, tallies in found.items()} == dict.fromkeys(MOODS, 0)
    tallies = dict(found[Case(BAD_DAY)])
    tallies[PRODUCT] = Tally([seconds - 1.0 for seconds in tallies[ORACLE].seconds])
    assert beaten(tallies) == LAUNCHES[BAD_DAY]


def test_the_oracle_rents_what_is_listed_later() -> None:
    """With few offers the best machine is often one that arrives, and is rented at the moment it does."""
    later = 0
    for seed in range(400):
        done = session(seed, listed=2.0)
        result = oracle(done)
        later += result.reached and done.rentals[0].made > 60.0
    assert later > 100


def test_the_bound_is_between_the_oracle_and_every_policy(found: Launched) -> None:
    for case, tallies in found.items():
        bounds = [quantile(case.mood, LAUNCHES[case.mood], at) for at in (0.5, 0.95)]
        slack = (CREATE_EVERY + CLOSE) / 60.0  # it does not wait for the turn of its first create
        for at, bound in zip((0.5, 0.95), bounds, strict=True):
            assert tallies[ORACLE].quantile(at) - slack <= bound, case.mood
            assert all(bound <= tallies[name].quantile(at) + slack for name in NAMES if name != ORACLE), case.mood
    table = tables.bounds(found, {BAD_DAY: (1.0, 2.0)})
    assert "| 1.0 |" in table


def test_the_bound_takes_a_verified_host_for_sound_and_a_cheap_one_for_doubtful() -> None:
    knobs = values(BAD_DAY)
    market = Market(5, knobs, verified_only=False)
    rows = [
        (x.machine.host.standing, chance(x, 3600.0, knobs))
        for seed in range(40)
        for x in Market(seed, knobs, verified_only=False).on_sale(0.0)
    ]
    mean = {
        kind: sum(c for k, c in rows if k == kind) / sum(k == kind for k, _ in rows)
        for kind in ("verified", "unverified", "deverified")
    }
    assert mean["verified"] > mean["unverified"] > mean["deverified"] > 0.0
    listing = next(market.on_sale(0.0))
    assert chance(listing, 60.0, knobs) == 0.0
    assert works("verified", True, knobs) > works("verified", False, knobs)


def metered(rental: Rental, until: float) -> float:
    """Return the bill of a rental as a meter adds it up, from one change of its status to the next."""
    cuts = sorted({rental.made, *(at for at in rental.changes if at < until), until})
    total = 0.0
    for begin, end in itertools.pairwise(cuts):
        hourly = rental.price if rental.status((begin + end) / 2.0) in ("running", "exited") else DISK_PER_HOUR
        total += hourly * (end - begin) / 3600.0
        total += (rental.traffic(end) - rental.traffic(begin)) * rental.machine.traffic
    return total


def test_the_bill_is_what_a_meter_adds_up() -> None:
    """The winner's bill stops when it was seen healthy, every other one when its machine was destroyed."""
    fates = set()
    for seed in range(12):
        for name, player in players(BAD_DAY).items():
            done = session(seed)
            result = player(done)
            fates |= {rental.fate for rental in done.rentals}
            ends = [r.ends if r.ends < NEVER else result.seconds for r in done.rentals]
            total = sum(metered(rental, end) for rental, end in zip(done.rentals, ends, strict=True))
            assert result.money == pytest.approx(total, abs=1e-9), name
            for rental, end in zip(done.rentals, ends, strict=True):
                fetched = rental.traffic(end)
                whole = MODEL_GB + (IMAGE_GB if rental.machine.pull else 0.0)
                assert fetched == pytest.approx(whole) if rental.is_healthy(end) else fetched <= whole, name
            assert (result.hourly > 0.0) == result.reached
    assert fates >= {Fate.HEALTHY, Fate.SILENT, Fate.NO_PORT, Fate.REFUSED, Fate.EXITED}


def test_every_machine_but_the_winner_is_destroyed_at_the_end() -> None:
    for name, player in players(BAD_DAY).items():
        for seed in range(3):
            done = session(seed)
            result = player(done)
            assert len(done.live()) == int(result.reached), name
            assert all(rental.is_healthy(done.now) for rental in done.live()), name


def test_creates_are_spaced_and_no_policy_pays_for_three_machines() -> None:
    one = session(1)
    offers = one.search()
    made = []
    for offer in offers:
        if len(one.live()) == 2:
            with pytest.raises(TooManyError):
                one.create(offer.id)
            break
        before = one.now
        rental = one.create(offer.id)
        made.append(one.now - before)
        assert rental is None or rental.machine.id == offer.machine_id
    assert made[1] == pytest.approx(CREATE_EVERY + one.knobs["create"])


def test_a_machine_that_was_given_up_comes_back_under_another_id() -> None:
    one = session(3, "calm")
    offer = next(offer for offer in one.search() if (rental := one.create(offer.id)) is not None)
    rental = one.live()[0]
    assert offer.machine_id not in {o.machine_id for o in one.search()}
    one.destroy(rental)
    assert offer.machine_id not in {o.machine_id for o in one.search()}
    one.now += one.knobs["relist"] * 60.0
    again = [o for o in one.search() if o.machine_id == offer.machine_id]
    assert all(o.id != offer.id for o in again)


def test_a_result_does_not_depend_on_the_number_of_processes() -> None:
    names = (SEQUENTIAL[1].name, ORACLE)
    alone, shared = (measure([Case("busy")], 60, names=names, workers=workers) for workers in (1, 2))
    assert alone == shared


def test_the_product_launches_on_every_market_and_for_no_more_money_than_the_cheapest_peer(found: Launched) -> None:
    for case, tallies in found.items():
        assert tallies[PRODUCT].reach >= 0.96, case.mood
        cheapest = min(tallies[rule.name].per_healthy for rule in PEERS)
        assert tallies[PRODUCT].per_healthy <= 1.25 * cheapest, case.mood


def test_the_product_is_healthy_sooner_than_policies_with_one_machine(found: Launched) -> None:
    for case, tallies in found.items():
        assert tallies[PRODUCT].quantile(0.95) < best(tallies, SEQUENTIAL, 0.95), case.mood


def test_on_a_bad_day_the_product_is_healthy_sooner_than_every_peer(found: Launched) -> None:
    bad = found[Case(BAD_DAY)]
    assert bad[PRODUCT].quantile(0.95) <= best(bad, SEQUENTIAL, 0.95) / 1.5
    assert bad[PRODUCT].quantile(0.95) <= best(bad, HEDGING, 0.95) / 1.2


def test_two_candidates_at_a_time_are_healthy_sooner_than_one(found: Launched) -> None:
    for tallies in found.values():
        assert best(tallies, HEDGING, 0.5) < best(tallies, SEQUENTIAL, 0.5)


@pytest.mark.parametrize("rule", PEERS, ids=lambda rule: rule.name)
def test_a_peer_does_what_its_source_describes(rule: Rule) -> None:
    """No machine that hangs is kept beyond the documented limit, and a blocked one is not rented twice."""
    for seed in range(12):
        done = session(seed)
        play(done, rule)
        machines = [rental.machine.id for rental in done.rentals]
        assert not rule.blocks or len(machines) == len(set(machines))
        for rental in done.rentals:
            limit = rule.running_within(next(x.offer for x in done.market.listings if x.machine is rental.machine))
            if rental.fate is Fate.SILENT and rental.ends < HORIZON:
                assert rental.ends - rental.made <= limit + 2 * rule.every + 5.0


def test_a_knob_that_no_one_knows_is_an_error() -> None:
    with pytest.raises(KeyError, match="delivred"):
        values(BAD_DAY, {"delivred": 1.0})
    assert len({knob.name for knob in KNOBS}) == len(KNOBS)
    assert set(GRID) <= {knob.name for knob in KNOBS}
    assert len(grid()) == 81
    assert len(sweeps()) == 1 + sum(len(knob.sweep) for knob in KNOBS)


def test_the_targets_compare_what_they_name(found: Launched) -> None:
    moods = found
    made = {claim.text: claim for claim in claims(moods, {grid()[0]: moods[Case(BAD_DAY)]})}
    ratio = made["bad day, p95: ert-deploy / oracle"]
    bad = moods[Case(BAD_DAY)]
    assert ratio.value == pytest.approx(bad[PRODUCT].quantile(0.95) / bad[ORACLE].quantile(0.95))
    assert len(made) == 11
    assert [Claim("", 2.0, 1.0, at_least).holds for at_least in (True, False)] == [True, False]


def test_the_page_has_the_policies_and_parameters_of_the_code() -> None:
    text = (DOCS / "bench-launch.md").read_text()
    for part in page.constant_parts():
        assert part in text
    assert page.MODEL in text
    assert page.RULES in text
    assert all(f"| {name} |" in text for name in NAMES)


def test_the_picture_has_a_bar_for_each_policy_in_each_mood(found: Launched) -> None:
    picture = draw(found, LAUNCHES[BAD_DAY])
    assert picture.count("<circle") == len(MOODS) * len(NAMES)
    assert f"{LAUNCHES[BAD_DAY]:,} launches" in picture
    assert (DOCS / "bench-launch.svg").read_text().count("<circle") == picture.count("<circle")
    assert tables.minutes(HORIZON / 60.0).startswith(">")
