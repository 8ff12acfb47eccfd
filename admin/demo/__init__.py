"""A lively district, made through the use cases, to look at and to try things on."""
