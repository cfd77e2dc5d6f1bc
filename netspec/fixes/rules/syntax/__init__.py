"""Rules for texts that cannot be parsed, by family."""
