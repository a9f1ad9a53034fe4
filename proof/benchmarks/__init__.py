"""What the function costs, measured against a handler made of the SDKs' documentation samples."""
