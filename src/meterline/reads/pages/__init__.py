"""Meters and reads on pages."""
