"""Billing on pages: runs, and plans of runs."""
