"""Batch rails at work: files are planned, staged, handed over once, and settled line by line by what the bank says.

desk       one channel's run: in which order everything happens; bench: what all of these need
planning   which payments go into the next file, and what the gateway makes of them
staging    the file's bytes, lines and intents, on disk before anything leaves
handing    the put: may it go, its outcomes, the question whether it is there
lines      what becomes of a file is told to its lines, page by page
inbox      files from the bank: fetched, kept, applied, put away at the bank
answers    one of them: read whole (heard), then applied page by page
cancelling a request that the bank cancel a file, or lines of it
matching   a page of its lines, each to ours; judging: what one states; whole: a word about a whole file
balances   what those files said last of the institution's account
"""

from .bench import Bench
from .desk import Desk

__all__ = ["Bench", "Desk"]
