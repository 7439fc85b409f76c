"""Custom-domain handlers. A domain is listed and never verified: the sandbox asks no DNS and serves loopback only."""

from __future__ import annotations

import re
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.pagination import (
    ApiError,
    bad_request,
    in_window,
    json_object,
    not_found,
    page,
    text_of,
    values_of,
)
from ert_deploy.sandbox.render.platform import Platform, Table
from ert_deploy.sandbox.render.records import Domain
from ert_deploy.sandbox.render.serialize import log_stamp, stamp
from ert_deploy.sandbox.render.store import new_id

_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def list_domains(platform: Platform, request: Request) -> Reply:
    """Return the custom domains of a service that match the filters."""
    service = platform.service(request)
    with platform.store.lock:
        chosen = [d for d in service.domains.values() if _wanted(request, d)]
        return page(request, "customDomain", [(d.seq, _shown(d)) for d in chosen])


def _wanted(request: Request, domain: Domain) -> bool:
    # F48
    facts = {"name": domain.name, "domainType": _kind(domain.name), "verificationStatus": "unverified"}
    named = all(fact in asked for name, fact in facts.items() if (asked := values_of(request, name)))
    return named and in_window(request, "created", domain.created)


def create_domain(platform: Platform, request: Request) -> Reply:
    """Add a domain, and the `www` one that redirects to an apex domain; the response is an array."""
    service, name = platform.service(request), text_of(json_object(request), "name")
    if not _NAME.fullmatch(name):
        raise bad_request("invalid domain name")
    with platform.store.lock:
        if any(name in other.domains for other in platform.store.services.values()):
            raise ApiError(409, f"{name} is already in use")
        added = [_add(platform, service, name)]
        if _kind(name) == "apex":
            added.append(_add(platform, service, f"www.{name}", name))
        return Reply.json([_shown(d, at_creation=True) for d in added], 201)


def _add(platform: Platform, service: Service, name: str, redirect_for: str = "") -> Domain:
    store = platform.store
    domain = Domain(new_id("cdm"), store.next_seq(), name, store.clock.now(), redirect_for)
    service.domains[name] = domain
    return domain


def retrieve_domain(platform: Platform, request: Request) -> Reply:
    """Return one domain by id or name."""
    return Reply.json(_shown(_domain(platform, request)))


def verify_domain(platform: Platform, request: Request) -> Reply:
    """Return a 202; the domain stays unverified."""
    _domain(platform, request)
    return Reply(202)


def delete_domain(platform: Platform, request: Request) -> Reply:
    """Delete one domain by id or name."""
    with platform.store.lock:
        del platform.service(request).domains[_domain(platform, request).name]
    return Reply(204)


def _domain(platform: Platform, request: Request) -> Domain:
    wanted = request.params["domain"]
    with platform.store.lock:
        for domain in platform.service(request).domains.values():
            if wanted in (domain.id, domain.name):
                return domain
    raise not_found(wanted)


def _kind(name: str) -> str:
    return "apex" if name.count(".") == 1 else "subdomain"


def _shown(domain: Domain, *, at_creation: bool = False) -> dict[str, Any]:
    return {
        "id": domain.id,
        "name": domain.name,
        "domainType": _kind(domain.name),
        "publicSuffix": domain.name.rsplit(".", 1)[-1],
        "redirectForName": domain.redirect_for,
        "verificationStatus": "unverified",
        "createdAt": log_stamp(domain.created) if at_creation else stamp(domain.created),
    }


BASE = "/services/{service}/custom-domains"
ROUTES: Table = (
    ("GET", BASE, "list_domains", list_domains),
    ("POST", BASE, "create_domain", create_domain),
    ("GET", f"{BASE}/{{domain}}", "retrieve_domain", retrieve_domain),
    ("DELETE", f"{BASE}/{{domain}}", "delete_domain", delete_domain),
    ("POST", f"{BASE}/{{domain}}/verify", "verify_domain", verify_domain),
)
