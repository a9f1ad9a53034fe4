"""The load test of the function on the local cloud (``python -m proof.load``); never deployed."""
