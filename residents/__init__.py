"""Places and people: who lives where, who may act for whom, who is signed in."""
