"""Stations, orders, discount rates: where service points are spent, at home and elsewhere."""
