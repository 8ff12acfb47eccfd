"""Putting points right: what people say is wrong, and two people who change it."""
