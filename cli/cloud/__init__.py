"""Where a command works and who asks: an account or a local cloud, its region, keys, endpoints, target."""
