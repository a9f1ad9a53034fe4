"""``imm-label-tags check-deploy``: what would fail in the cloud fails here first, without any cloud."""
