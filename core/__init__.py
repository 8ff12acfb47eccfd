"""What every package stands on: database, transaction, errors, identity, settings, jobs."""
