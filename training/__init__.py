"""The only room with torch: tuning, its monitors, and what they learned about the data."""
