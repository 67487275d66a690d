"""Usage on pages: batches, loading files, rejects, records."""
