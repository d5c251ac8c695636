"""Cash at payment points as a rail: from the list to the counted cash."""
