"""``imm-label-tags logs``: what the deployed functions, and Function Compute about them, have logged."""
