"""Uploads by forms, as browsers send them."""
