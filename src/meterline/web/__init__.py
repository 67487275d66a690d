"""What web pages are made of: registry, components, tables, forms, charts, assets."""
