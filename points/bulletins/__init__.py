"""积分公示: each month, per community, what was awarded for what, and who says that it is wrong."""
