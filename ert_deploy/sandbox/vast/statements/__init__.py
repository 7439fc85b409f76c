"""Vast's statements: charges and invoices, computed from the meter of each instance and the payments of the account.

Imports `account`, `billing` and `wire` of `vast`; only `vast.api` imports it.
"""
