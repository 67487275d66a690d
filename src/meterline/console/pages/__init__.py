"""The console's own pages, one file a subject; each registers itself."""
