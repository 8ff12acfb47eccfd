"""积分明细单: opening + entries = closing, of one holder or of a community, proven by a code."""
