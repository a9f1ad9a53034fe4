"""What IMM found: a task, its labels, the object that it is about, and how a notification ends."""
