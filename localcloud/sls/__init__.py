"""Simple Log Service as its official SDK alibabacloud-sls20201230 5.x talks to it."""
