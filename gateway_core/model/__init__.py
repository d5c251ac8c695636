"""The nouns of the product and the rules that need nothing else: no I/O, no clock, no database."""
