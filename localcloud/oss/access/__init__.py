"""Who may do what: signatures, bucket policies and ACLs."""
