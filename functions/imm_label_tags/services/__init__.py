"""IMM and OSS through their official SDKs: connections, credentials, calls, and errors from answers."""
