"""One outside system per package, each behind a protocol of `ert_deploy.ports`; they decide nothing."""
