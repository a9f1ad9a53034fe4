"""Message Service (MNS): topics, queues, and the pushing of messages to functions and queues."""
