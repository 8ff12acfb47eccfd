"""Service points that lapse: the job, the warnings, the coming rush."""
