"""The page: a spec beside its diagram, served live or written as one file."""
