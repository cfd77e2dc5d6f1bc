"""The page: a spec beside its diagram, in one HTML file."""
