"""Double of Render: its REST API, and the web services behind it as real processes. Never imports `vast` or `world`."""
