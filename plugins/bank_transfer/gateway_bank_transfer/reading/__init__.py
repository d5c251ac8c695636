"""Files from banks, read as streams into words about lines, batches and entries."""
