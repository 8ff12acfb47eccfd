"""Activities: sessions with two parts, sign-up, and one attendance record for every way in."""
