"""Forms: what is typed of a definition, and what is wrong with it. Pure."""
