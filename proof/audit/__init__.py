"""Known vulnerabilities of every locked version."""
