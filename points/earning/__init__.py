"""Who earns what by which rule, and how an act is recorded."""
