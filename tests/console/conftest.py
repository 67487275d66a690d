"""What tests of pages take from `browsing`, whose fixtures are there for all tests."""

from browsing import BACKEND, PAINTED, Product, axe, user

__all__ = ["BACKEND", "PAINTED", "Product", "axe", "user"]
