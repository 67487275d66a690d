"""The self-care portal."""
