"""The only room with torch: tuning, its monitors, and what they learned about the data."""

import ctypes
import os
import sys

# Threads that wait by spinning keep the core from the thread they wait for: with another process at work a step
# took four times as long. A few microseconds of it bridge the gap between two operators, where a sleep costs an
# eighth of the speed (docs/lab-notes.md). Read by OpenMP when torch is first imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

# One heap for all threads: what glibc keeps freed for one of them another cannot use, 40 to 130 MiB in a run of two
# lanes (docs/lab-notes.md). Only threads that start later are bound by it.
M_ARENA_MAX = -8  # malloc.h
if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ and hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
