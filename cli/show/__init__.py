"""``imm-label-tags show``: one video, its labels with their clips, and its tags; printed, or as a page."""
