"""Measurements beside floors of the same run: ``python -m bench [name …]``."""
