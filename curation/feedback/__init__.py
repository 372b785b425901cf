"""What feedback does to the data: records admitted, read against the rows, and turned into bounded decisions."""
