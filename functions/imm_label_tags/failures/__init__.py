"""Events that exhausted their retries, and where they are kept."""
