"""FSPIOP's own forms, pure: canonical JSON, texts and amounts, signatures, ILP packets, error codes."""
