"""The district console."""
