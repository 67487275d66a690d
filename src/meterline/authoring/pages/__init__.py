"""Authoring on pages: drafts, the editor of prices, the simulator."""
