"""OSS on the wire: requests, answers, documents, conditions and errors."""
