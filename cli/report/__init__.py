"""What a bucket's videos carry: which are tagged, which not and why, and whether today's settings agree."""
