"""Troubles for a doctor to find: each with the sentence that names its cause, and a way to plant it for real.

A finding is right if it holds one of the `words`, in upper or lower case. `status` is what the deployment then is: as
wanted, degraded, or unclear because a provider, the state, the config or an owner cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.doctor_bench import at_app, at_home, at_launch, at_machine
from tests.doctor_bench.world import World

Status = Literal["as wanted", "degraded", "unclear"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause. With `launch`, `plant` is for a new world and carries out `up`; else for one after a healthy `up`."""

    id: str
    cause: str
    words: tuple[str, ...]
    plant: Callable[[World], None]
    status: Status = "degraded"
    launch: bool = False
    own_app: bool = False

    def prepare(self, world: World) -> None:
        """Bring the world to the trouble. It has to have been made with `own_app` as here."""
        if not self.launch:
            world.up()
        self.plant(world)

    def found_in(self, finding: str) -> bool:
        """Whether a finding names this cause: a word counts at the beginning of one, so `port` is not in `report`."""
        return any(re.search(rf"(?<![a-z0-9-]){re.escape(word)}", finding.lower()) for word in self.words)


def _launch(id: str, cause: str, words: tuple[str, ...], plant: Callable[[World], None]) -> Trouble:
    return Trouble(id, cause, words, plant, launch=True)


def _unclear(id: str, cause: str, words: tuple[str, ...], plant: Callable[[World], None]) -> Trouble:
    return Trouble(id, cause, words, plant, "unclear")


def _fine(id: str, cause: str, words: tuple[str, ...], plant: Callable[[World], None]) -> Trouble:
    return Trouble(id, cause, words, plant, "as wanted")


LAUNCH = (
    _launch("image-private", "the image's registry wants a login, and hosts pull without one",
            ("login", "private", "public", "unauthorized"), at_launch.image_private),
    _launch("image-missing", "the image's registry has no such tag",
            ("tag", "manifest unknown", "not exist", "not found"), at_launch.image_missing),
    _launch("image-arm64", "the image is built for arm64, and the machines run amd64",
            ("arm64", "exec format", "amd64"), at_launch.image_arm64),
    _launch("image-of-another-product", "the image is another product's, and its container does not run the backend",
            ("not the backend", "another product"), at_launch.image_of_another_product),
    _launch("pull-rate-limit", "the image's registry limits pulls without a login",
            ("toomanyrequests", "rate limit", "limits pulls"), at_launch.pull_rate_limit),
    _launch("disk-full", "the machine's disk is too small for the image and the model",
            ("no space", "disk"), at_launch.disk_full),
    _launch("host-never-starts", "the host takes the order and never starts the machine",
            ("provision", "never start", "not start", "no status"), at_launch.host_never_starts),
    _launch("pull-stalls", "the host's download of the image stands still",
            ("download", "pull", "loading"), at_launch.pull_stalls),
    _launch("port-closed", "the machine runs, and its host forwards no connection to its port",
            ("port", "connect", "unreachable", "reached"), at_launch.port_closed),
    _launch("runtime-broken", "the hosts cannot create the container",
            ("oci", "runc", "create the container"), at_launch.container_runtime_broken),
    _launch("model-unknown", "the registry of models has no model of this name",
            ("model",), at_launch.model_unknown),
    _launch("model-digest", "the model's tag has other weights than launch/model_digest",
            ("digest",), at_launch.model_digest_differs),
    _launch("off-switch-refused", "the provider rejects the machine's own key, so that it cannot stop itself",
            ("off-switch", "stop itself", "own key"), at_launch.off_switch_refused),
    _launch("no-credit", "the account has no credit to rent with",
            ("credit", "money", "balance"), at_launch.no_credit_for_create),
    _launch("spend-limit", "the provider limits what this account may spend",
            ("spend", "credit", "money"), at_launch.spend_limit),
    _launch("cap-below-market", "no offer is as cheap as offer/max_dph",
            ("max_dph", "price"), at_launch.cap_below_market),
    _launch("market-too-dear", "the market's prices have risen above offer/max_dph",
            ("max_dph", "price"), at_launch.market_too_dear),
    _launch("budget-too-small", "plan/max_cost does not pay for one machine until it is healthy",
            ("max_cost",), at_launch.budget_too_small),
    _launch("gpu-misspelt", "no offer has a card with a name in offer/gpu_names",
            ("gpu_names",), at_launch.gpu_misspelt),
    _launch("country-empty", "no offer is in a country of offer/countries",
            ("countries",), at_launch.country_empty),
    _launch("key-without-right", "the Vast key may not rent: it lacks instance_write",
            ("instance_write", "permission", "right"), at_launch.key_without_right),
    _launch("deploy-fails", "the app's new version does not start, so its deploy failed",
            ("update_failed", "deploy"), at_launch.deploy_fails),
    _launch("pre-deploy-fails", "the app's pre-deploy command failed, so its deploy failed",
            ("pre_deploy", "pre-deploy"), at_launch.pre_deploy_fails),
    _launch("app-unhealthy", "the app's new version never passes Render's health check",
            ("health check", "update_failed", "deploy"), at_launch.app_unhealthy),
    _launch("pipeline-exhausted", "the Render workspace has no pipeline minutes left",
            ("pipeline",), at_launch.pipeline_exhausted),
    _launch("service-unknown", "Render has no service of the name in the config",
            ("no service", "ert-dashbaord", "not exist"), at_launch.service_unknown),
    _launch("service-has-disk", "the service has a disk, and Render would stop it at each deploy",
            ("disk",), at_launch.disk_on_service),
    _launch("env-group", "an environment group sets a variable that ert-deploy has to set",
            ("group",), at_launch.env_group_sets_ours),
    _launch("subdomain-off", "the onrender.com address is disabled and no other one is configured",
            ("disabled", "onrender"), at_launch.subdomain_off),
    Trouble("config-invalid", "the config has an unknown key",
            ("max_dhp", "unknown key"), at_launch.config_invalid,
            "unclear", launch=True),
    _launch("interrupted", "the last run was killed before it finished",
            ("interrupted", "killed", "unfinished", "not finish"), at_launch.interrupted),
    _launch("outbid", "somebody bid more for the machine, which is stopped until the bid is raised",
            ("outbid", "bid"), at_launch.outbid),
    _launch("idle-stopped", "nobody asked for a report, so the machine stopped itself after idle_stop",
            ("idle",), at_launch.idle_stopped),
    _launch("lifetime-over", "the machine stopped itself after max_lifetime",
            ("lifetime",), at_launch.lifetime_over),
    _launch("engine-hung", "the model server on the machine does not respond",
            ("engine", "ollama", "model server"), at_launch.engine_hung),
    _launch("gpu-taken", "while it slept somebody else rented the GPU",
            ("taken", "somebody else", "rented by", "unavailable"), at_launch.gpu_taken),
)  # fmt: skip
MACHINE = (
    Trouble("credit-gone", "the credit is used up, and Vast stopped the machine",
            ("credit", "balance"), at_machine.credit_gone),
    Trouble("stopped-in-console", "the machine was stopped, and not by ert-deploy",
            ("stopped",), at_machine.stopped_in_console),
    Trouble("destroyed-in-console", "the machine of the state does not exist any more",
            ("destroyed", "not exist", "gone", "no longer exists"), at_machine.destroyed_in_console),
    Trouble("host-offline", "the host is offline",
            ("offline",), at_machine.host_offline),
    Trouble("container-exited", "the container's first process has ended",
            ("exited", "ended", "crash"), at_machine.container_exited),
    Trouble("backend-hung", "the backend accepts connections and does not respond",
            ("respond", "hung", "time-out", "timed out"), at_machine.backend_hung),
    Trouble("model-lost", "the model is missing on the machine since its restart",
            ("model",), at_machine.model_lost),
    Trouble("port-moved", "the machine's port has changed, and the app has the old one",
            ("port", "address has changed"), at_machine.port_moved),
    Trouble("address-moved", "the machine's address has changed since its restart",
            ("address",), at_machine.address_moved),
    Trouble("keys-broken", "the machine cannot read its file of keys and rejects every key",
            ("keys.json", "every key", "key"), at_machine.keys_file_broken),
    _fine("contract-near", "the host's contract ends soon, and then the machine stops",
          ("contract", "ends"), at_machine.contract_near),
    Trouble("contract-over", "the host's contract has ended",
            ("contract", "ended"), at_machine.contract_over),
    _fine("price-raised", "the host prolongs its contract only at a higher price",
          ("price", "contract"), at_machine.price_raised),
    Trouble("off-switch-lost", "the machine cannot stop itself any more: the provider rejects its own key",
            ("off-switch", "stop itself", "own key"), at_machine.off_switch_lost),
    _unclear("label-edited", "the instance's label was edited, so that its owner is unknown",
             ("label",), at_machine.label_edited),
    _unclear("label-copied", "another instance has a copy of the label",
             ("label",), at_machine.label_copied),
    Trouble("stray", "a second machine of the deployment bills and is in no state",
            ("stray", "no state", "second", "not in the state"), at_machine.stray),
    _unclear("key-revoked", "Vast does not accept the key any more",
             ("key",), at_machine.key_revoked),
    _unclear("key-lacks-read", "the Vast key lacks the right to read instances",
             ("instance_read", "permission", "right"), at_machine.key_lacks_read),
    _unclear("two-factor", "Vast wants a new two-factor login",
             ("two-factor", "2fa"), at_machine.two_factor_expired),
    _unclear("vast-down", "Vast's API is down",
             ("503", "is down", "unavailable"), at_machine.vast_down),
    _unclear("vast-unreachable", "Vast cannot be reached from here",
             ("respond", "reach", "connection"), at_machine.vast_unreachable),
    _unclear("captive-portal", "the network redirects requests to a login page",
             ("redirect",), at_machine.captive_portal),
    _unclear("vast-rate-limit", "the Vast key is over its rate limits",
             ("rate limit", "429", "too frequent", "too many"), at_machine.vast_rate_limit),
)  # fmt: skip
APP = (
    Trouble("address-wrong", "the app has another address than the backend's",
            ("backend_url", "address"), at_app.address_wrong),
    Trouble("address-empty", "the app has no address of the backend",
            ("backend_url", "address"), at_app.address_empty),
    Trouble("key-wrong", "the app has a key that the backend does not accept",
            ("api_key", "key"), at_app.key_wrong),
    Trouble("certificate-wrong", "the app has another certificate than the backend's",
            ("ca_cert", "certificate"), at_app.certificate_wrong),
    Trouble("switched-away", "the app is switched to another backend",
            ("openai_integration", "remote_llm_integration", "switch"), at_app.switched_to_openai),
    Trouble("variables-deleted", "the app's variables were deleted",
            ("variable", "missing", "deleted"), at_app.variables_deleted),
    Trouble("edited-not-deployed", "a variable was changed at Render and takes effect at the next deploy",
            ("backend_url", "variable"), at_app.edited_not_deployed),
    Trouble("suspended", "the service was suspended by a user",
            ("suspend",), at_app.suspended_by_user),
    Trouble("suspended-billing", "Render suspended the service for its bill",
            ("suspend", "billing"), at_app.suspended_by_billing),
    Trouble("service-deleted", "the service was deleted at Render",
            ("not exist", "deleted", "no service", "not found"), at_app.service_deleted),
    Trouble("service-renamed", "the service has another name at Render than in the config",
            ("renamed", "no service", "not exist", "another name"), at_app.service_renamed),
    _fine("setting-refused", "the newest deploy failed: the app refuses ERT_DASHBOARD_WORKERS",
          ("deploy", "ert_dashboard_workers"), at_app.setting_refused),
    _fine("later-deploy-fails", "the newest deploy of the app failed in its build",
          ("build", "deploy"), at_app.later_deploy_fails),
    Trouble("rolled-back", "the app was rolled back to a version that shows no fingerprint",
            ("rolled back", "rollback", "fingerprint"), at_app.rolled_back, own_app=True),
    Trouble("login-in-front", "a login is in front of the app's fingerprint",
            ("login", "redirect"), at_app.login_in_front, own_app=True),
    Trouble("health-path", "the app has no page at health_path",
            ("health_path", "404"), at_app.health_path_wrong),
    Trouble("address-off", "the app's onrender.com address was disabled",
            ("disabled", "onrender"), at_app.address_off),
    _unclear("render-key-revoked", "Render does not accept the key any more",
             ("key",), at_app.render_key_revoked),
    Trouble("render-key-reads", "the Render key has no right to change the service",
            ("403", "forbidden", "write", "right"), at_app.render_key_reads_only),
    _unclear("render-down", "Render's API is down",
             ("503", "is down", "unavailable"), at_app.render_down),
    _unclear("render-rate-limit", "the Render key is over its rate limits",
             ("rate limit", "429", "too many"), at_app.render_rate_limit),
    Trouble("down-without-render", "the app still points to a machine that was destroyed",
            ("variable", "points", "old backend", "destroyed"), at_app.down_without_render),
)  # fmt: skip
HOME = (
    _fine("state-deleted", "the state file is gone",
          ("no state", "state file", "state is gone"), at_home.state_deleted),
    _unclear("state-corrupt", "the state file is damaged",
             ("corrupt", "damaged"), at_home.state_corrupt),
    _unclear("state-newer", "the state was written by a newer ert-deploy",
             ("newer", "version"), at_home.state_newer),
    _fine("state-read-only", "the state cannot be written",
          ("written", "permission", "read-only", "write"), at_home.state_read_only),
    _unclear("state-foreign-user", "the state file belongs to another user",
             ("another user", "belongs"), at_home.state_of_another_user),
    _unclear("state-unmounted", "the state is a link to a disk that is not mounted",
             ("link", "mounted"), at_home.state_disk_unmounted),
    _unclear("state-key-missing", "the state is signed, and ERT_STATE_KEY is not set",
             ("signed", "ert_state_key"), at_home.state_key_missing),
    _unclear("other-account", "the Vast key is of another account",
             ("account",), at_home.other_account),
    _fine("owner-changed", "the config has another owner than the state",
          ("owner",), at_home.owner_changed),
    _unclear("same-name", "two projects of one name keep their state in one place",
             ("owner", "project"), at_home.same_name_elsewhere),
    _fine("clock-ahead", "this machine's clock is hours ahead",
          ("clock",), at_home.clock_ahead),
    _fine("clock-behind", "this machine's clock is a day behind",
          ("clock",), at_home.clock_behind),
    _fine("locked", "the deployment is locked for maintenance",
          ("lock",), at_home.locked),
    Trouble("cap-lowered", "the serving machine costs more than offer/max_dph",
            ("max_dph",), at_home.cap_lowered),
    Trouble("image-changed", "the config has another image than the machine that serves",
            ("image",), at_home.image_changed),
    Trouble("context-changed", "the config has another context than the machine that serves",
            ("context",), at_home.context_changed),
    _unclear("config-not-yaml", "the config is not YAML",
             ("yaml",), at_home.config_not_yaml),
)  # fmt: skip
SINGLES = (*LAUNCH, *MACHINE, *APP, *HOME)
BY_ID = {trouble.id: trouble for trouble in SINGLES}
assert len(BY_ID) == len(SINGLES)
