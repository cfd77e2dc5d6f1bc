"""Quantities computed from a graph."""
