"""The operations of OSS's API."""
