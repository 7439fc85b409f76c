"""One outside system per module, each behind a protocol of `ert_deploy.ports`; they decide nothing."""
