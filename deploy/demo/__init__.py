"""The demo behind `make run`: a small real case, through the real door."""
