"""Sealed days and the checks of every invariant, in SQL of their own."""
