"""The only room with torch: tuning, its monitors, and what they learned about the data."""

import os

# Threads that wait by spinning keep the core from the thread they wait for: on a machine with other work to
# do a step took four times as long. Read by OpenMP when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
