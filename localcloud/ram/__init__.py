"""RAM and STS: identities, their policies, and what these let them do."""
