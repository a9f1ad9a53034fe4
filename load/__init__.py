"""The load test of the function on the local cloud (``python -m load``); never deployed."""
