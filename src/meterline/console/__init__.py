"""The back office: its shell, Home, Settings, the gallery, and pages that need several rooms."""
