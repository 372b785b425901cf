"""The model itself: base, attention, loss, adapters and optimizer."""
