"""Invoices on pages: the list, a document and its explanation, crediting part of a line."""
