"""Hostile input: what the function promises whatever it is given, and a search for input that breaks it.

Never deployed. ``python -m proof.fuzz`` is the command.
"""
