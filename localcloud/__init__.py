"""A local cloud on loopback: IMM, OSS, MNS, Function Compute, RAM and Log Service in their wire protocols.

It is a development tool and is never deployed. Where it is laxer than the real services, it is wrong.
"""
