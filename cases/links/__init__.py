"""Links: whose recording it is, when it was really made, when it is due, and which case it is of.

Everything here is pure: facts in, values out.  Reading rows and recording acts is the caller's.
"""
