"""EventBridge, as far as a function's triggers need it: streams of the messages of MNS queues."""
