"""``submit`` and ``backfill``: IMM tasks for objects that are there already."""
