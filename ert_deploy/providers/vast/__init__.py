"""Adapter to Vast.ai through its SDK; only this package imports `vastai`."""

HOST, RECORD, KEYS = "client:VastHost", "recording:record", "keys:VastKeys"
