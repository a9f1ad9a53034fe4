"""OSS on the wire: requests, answers, documents and errors."""
