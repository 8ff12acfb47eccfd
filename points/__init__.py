"""The ledger: accounts, transfers, holds, awards. Knows holders by id, knows no reason."""
