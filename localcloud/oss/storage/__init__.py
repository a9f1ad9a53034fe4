"""OSS at rest: buckets, objects, uploads and tags."""
