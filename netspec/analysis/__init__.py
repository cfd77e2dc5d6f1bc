"""Figures computed from a graph."""
