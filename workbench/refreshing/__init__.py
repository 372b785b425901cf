"""The loop as a job: when it is due, one run of it, what it tells whom, who approves, and its history."""
