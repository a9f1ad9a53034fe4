"""Who may do what: signatures, bucket policies, ACLs, and the bucket of Function Compute's uploads."""
