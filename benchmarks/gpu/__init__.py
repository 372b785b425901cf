"""What only an NVIDIA card can show, in one script of at most eight minutes: `make gpu`."""
