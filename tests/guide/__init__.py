"""The plugin author's guide: what its pages show is run here."""
