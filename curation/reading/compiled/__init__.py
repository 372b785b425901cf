"""The compiled parts of reading: bytes to parsed values, a line at a time, without Python objects."""
