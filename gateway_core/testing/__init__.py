"""For tests and rehearsals: a mock provider that misbehaves on demand. Never imported by the paying code."""
