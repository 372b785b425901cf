"""The only room with torch: tuning, its monitors, and what they learned about the data."""

import os

# Threads that wait by spinning keep the core from the thread they wait for: with another process at work a step
# took four times as long. A few microseconds of it bridge the gap between two operators, where a sleep costs an
# eighth of the speed (docs/lab-notes.md). Read by OpenMP when torch is first imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
