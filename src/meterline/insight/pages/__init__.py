"""Insight on pages."""
