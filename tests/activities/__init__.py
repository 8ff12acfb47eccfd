"""Tests: specifications of the use cases."""
