"""Feeds: devices and platforms that record acts by themselves, in signed batches."""
