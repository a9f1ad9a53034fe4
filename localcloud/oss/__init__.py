"""OSS on loopback: buckets, objects and object tags over the protocol that the official SDKs speak."""
