"""A gateway that was written from the guide, for the provider of PROVIDER.md; NOTES.md says where it stumbled."""
