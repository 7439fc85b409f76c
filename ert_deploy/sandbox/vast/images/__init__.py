"""Images: whether a host may pull one, asked in a registry on loopback. Knows neither account nor contracts."""
