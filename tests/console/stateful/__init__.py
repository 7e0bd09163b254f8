"""Random walks through the running API, held against a second reckoning that shares no code."""
