"""Routes of the Vast double. The first match wins, so names stand before ids.

Operations for faults: the third column. Routes that are absent on purpose are in `absent.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast import create, instances
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.api import absent, bulk, launch, market, price_increases, update, volumes
from ert_deploy.sandbox.vast.statements import charges, invoices
from ert_deploy.sandbox.vast.user import handlers as user
from ert_deploy.sandbox.vast.user import ssh_keys, templates

EstateHandler = Callable[[Estate, Request], Reply]
ROUTES: tuple[tuple[str, str, str, EstateHandler], ...] = (
    ("POST", "/api/v0/bundles/", "search", market.find),
    ("GET", "/api/v0/bundles/", "search", market.find_by_address),
    ("PUT", "/api/v0/search/asks/", "search", market.find),
    ("GET", "/api/v0/gpu_names/unique/", "gpu_names", market.gpu_names),
    ("GET", "/api/v0/gpu_types/", "gpu_names", market.gpu_types),
    ("POST", "/api/v0/asks/bulk/", "create", bulk.create_all),
    ("PUT", "/api/v0/asks/{id}/", "create", create.create),
    ("PUT", "/api/v0/launch_instance/", "launch", launch.launch),
    ("GET", "/api/v1/instances/", "list", instances.list_v1),
    ("GET", "/api/v0/instances/", "list_v0", instances.list_v0),
    ("PUT", "/api/v0/instances/", "manage", bulk.change_state),
    ("DELETE", "/api/v0/instances/", "destroy", bulk.destroy_all),
    ("GET", "/api/v0/instances/filters/", "filters", update.filter_values),
    ("GET", "/api/v0/instances/pending-price-increases/", "increases", price_increases.pending),
    ("PUT", "/api/v0/instances/accept-price-increase/", "increases_write", price_increases.accept),
    ("PUT", "/api/v0/instances/reject-price-increase/", "increases_write", price_increases.reject),
    ("GET", "/api/v0/instances/{id}/", "show", instances.show),
    ("PUT", "/api/v0/instances/{id}/", "manage", instances.manage),
    ("DELETE", "/api/v0/instances/{id}/", "destroy", instances.destroy),
    ("PUT", "/api/v0/instances/reboot/{id}/", "reboot", instances.reboot),
    ("PUT", "/api/v0/instances/recycle/{id}/", "recycle", instances.recycle),
    ("PUT", "/api/v0/instances/bid_price/{id}/", "bid", instances.change_bid),
    ("PUT", "/api/v0/instances/update_template/{id}/", "update", update.update),
    ("GET", "/api/v0/instances/{id}/ssh/", "instance_keys", ssh_keys.attached),
    ("POST", "/api/v0/instances/{id}/ssh/", "instance_keys_write", ssh_keys.attach),
    ("DELETE", "/api/v0/instances/{id}/ssh/{ssh_key_id}/", "instance_keys_write", ssh_keys.detach),
    ("GET", "/api/v0/users/current/", "user", user.show),
    ("GET", "/api/v0/secrets/", "secrets", user.variables),
    ("POST", "/api/v0/secrets/", "secrets_write", user.create_variable),
    ("PUT", "/api/v0/secrets/", "secrets_write", user.update_variable),
    ("DELETE", "/api/v0/secrets/", "secrets_write", user.delete_variable),
    ("GET", "/api/v0/auth/apikeys/", "keys", user.keys),
    ("GET", "/api/v0/auth/apikeys/{id}/", "keys", user.key),
    ("POST", "/api/v0/auth/apikeys/", "keys_write", user.create_key),
    ("DELETE", "/api/v0/auth/apikeys/{id}/", "keys_write", user.delete_key),
    ("GET", "/api/v0/ssh/", "ssh_keys", ssh_keys.show),
    ("POST", "/api/v0/ssh/", "ssh_keys_write", ssh_keys.create),
    ("PUT", "/api/v0/ssh/{id}/", "ssh_keys_write", ssh_keys.update),
    ("DELETE", "/api/v0/ssh/{id}/", "ssh_keys_write", ssh_keys.delete),
    ("GET", "/api/v0/template/", "templates", templates.find),
    ("POST", "/api/v0/template/", "templates_write", templates.create),
    ("PUT", "/api/v0/template/", "templates_write", templates.edit),
    ("PUT", "/api/v1/template/", "templates_write", templates.edit),
    ("DELETE", "/api/v0/template/", "templates_write", templates.delete),
    ("GET", "/api/v0/volumes/", "volumes", volumes.show),
    ("POST", "/api/v0/volumes/search/", "volumes_search", volumes.find),
    ("PUT", "/api/v0/volumes/", "volumes_write", volumes.rent),
    ("DELETE", "/api/v0/volumes/", "volumes_write", volumes.other),
    ("POST", "/api/v0/volumes/copy/", "volumes_write", volumes.other),
    ("GET", "/api/v0/charges/", "charges", charges.charges),
    ("GET", "/api/v1/invoices/", "invoices", invoices.invoices),
    ("GET", "/api/v0/users/me/invoices/", "charges", invoices.history),
    ("GET", "/api/v0/invoices/", "invoices", invoices.find),
    ("POST", "/api/v0/contracts/fetch/", "charges", invoices.contracts),
)


def routes() -> Iterator[tuple[str, str, str, EstateHandler]]:
    """Yield all routes: those with a handler, then the absent ones, which return 404."""
    yield from ROUTES
    for method, pattern, reason in absent.routes():
        yield method, pattern, absent.OPERATION, partial(absent.refuse, reason)
