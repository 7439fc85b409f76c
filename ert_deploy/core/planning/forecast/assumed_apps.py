"""Assumed effect of the steps of an app: its variables, its deploy, and its fingerprint."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import Rollout
from ert_deploy.core.planning.app_env import withdrawn
from ert_deploy.core.planning.forecast.edits import app_of, with_app, with_state
from ert_deploy.core.planning.forecast.unknown import DEPLOY
from ert_deploy.core.planning.rollout import announced, wanted_values
from ert_deploy.core.planning.situation import Situation


def marked(situation: Situation, _: steps.WriteMarkers) -> Observed:
    """Every app has the marker of one without a backend."""
    observed = situation.observed
    for target, publication in situation.targets:
        name = target.names.fingerprint
        env = {**publication.env, name: withdrawn(target)[name]}
        observed = with_app(observed, target.service, env=env)
    return observed


def written(situation: Situation, step: steps.Publish) -> Observed:
    """The variables of the step have their values, and the app is no longer known to run with them."""
    observed, app = situation.observed, app_of(situation.observed, step.target)
    target = next(t for t in situation.desired.targets if t.service == step.target)
    wanted = wanted_values(situation, target)
    kept = {name: value for name, value in app.env.items() if name not in step.delete}
    url = target.names.url
    state = announced(observed, app.service_id, {wanted.get(url), app.env.get(url)})
    return with_app(
        with_state(observed, state), step.target, env={**kept, **{name: wanted[name] for name in step.write}}
    )


def _mark_of(observed: Observed, step: steps.AppStep, desired: Desired) -> tuple[str, str]:
    """Return the id of the service, and the fingerprint in its environment."""
    app = app_of(observed, step.target)
    names = next(t.names for t in desired.targets if t.service == step.target)
    held = app.env.get(names.fingerprint)
    return app.service_id, held.reveal() if held is not None else ""


def deployed(situation: Situation, step: steps.Deploy) -> Observed:
    """A deploy of the service was started."""
    observed = situation.observed
    service, mark = _mark_of(observed, step, situation.desired)
    return with_state(observed, observed.state.put_rollout(Rollout(service, mark, DEPLOY, observed.stamp())))


def proven(situation: Situation, step: steps.Prove) -> Observed:
    """The running app returns the fingerprint of its environment."""
    observed = situation.observed
    service, mark = _mark_of(observed, step, situation.desired)
    at = observed.stamp()
    before = observed.state.rollout(service) or Rollout(service, mark, "", at)
    proven = observed.state.put_rollout(replace(before, fingerprint=mark, proven=at))
    return with_app(with_state(observed, proven), step.target, live_fingerprint=mark)
