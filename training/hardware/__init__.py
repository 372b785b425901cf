"""Where a run computes: the device, its processes, and the lanes of a CPU."""
