"""Payment files: what is written, and how it is read back before it may leave."""
