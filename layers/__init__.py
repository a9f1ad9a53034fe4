"""The dependency layer and the code package: what Function Compute gets, built so that it works there."""
