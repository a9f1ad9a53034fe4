"""Message Service (MNS), API version 2015-06-06: topics, and the pushing of messages to functions."""
