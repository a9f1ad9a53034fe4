"""A local cloud: IMM, OSS, MNS and Function Compute over their real wire protocols on loopback.

It is a development tool and is never deployed. Where it is laxer than the real services, it is wrong.
"""
