"""What a command over a whole bucket costs: objects a second beside a bare loop of the SDK, and memory."""
