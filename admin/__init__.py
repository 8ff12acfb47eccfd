"""Staff desk and district console: reads everything, calls the owners' use cases."""
