"""From upload to task: what was uploaded, whether it is to be analysed, and the one task that analyses it."""
