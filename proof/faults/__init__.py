"""Every fault of every call, and what it ends in."""
