"""Tags of the components; every template has them."""
