"""One notification from event to tags: settings, the instance, and the flow of an invocation."""
