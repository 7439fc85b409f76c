"""Adapter to Vast.ai through its SDK; only this package imports `vastai`."""

HOST, RECORD = "client:VastHost", "recording:record"
