"""Meterline: an open billing and business support system."""

import os

# Polars' allocator reads this when it is loaded. A chunk of usage takes what the one before has
# left: memory handed back to the system in between comes again by a fault for each page.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
