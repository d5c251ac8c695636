"""Batch rails, proven by a small bank in a directory: a CSV file out, a CSV answer back."""
