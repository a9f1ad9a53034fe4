"""The terminal commands (``imm-label-tags``): they try and watch the function, and are never deployed."""
