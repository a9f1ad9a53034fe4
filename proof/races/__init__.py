"""Every order of two handlers' calls, and what it ends in."""
