"""Batch rails at work: files are planned, staged, handed over once, and settled line by line by what the bank says.

desk       one channel's run: in which order everything happens
planning   which payments go into the next file, and what the gateway makes of them
staging    the file's bytes, lines and intents, on disk before anything leaves
handing    the put: may it go, three outcomes, the question whether it is there
lines      what becomes of a file is told to its lines, page by page
answers    files from the bank: kept, read whole, applied page by page
judging    one line of the bank's against one of ours
"""

from .bench import Bench
from .desk import Desk

__all__ = ["Bench", "Desk"]
