"""Longer measurements than tests; each writes benchmarks/results/NAME.json with command, versions, machine, date."""
