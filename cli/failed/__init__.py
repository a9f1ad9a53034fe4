"""``imm-label-tags failed``: the events that ``keep_failed`` has kept, looked at, replayed and dropped."""
