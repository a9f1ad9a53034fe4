"""IMM and OSS through their official SDKs: session, credentials, calls, and errors from answers."""
