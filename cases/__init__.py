"""The enforcement case: which recordings belong to it, who said so, and the trail of it all.

rules     pure decisions: value in, draft entry or named error out
acts      the rules joined to the ledger: read inside the act, decide, record
queries   what people look at: cases, items, the inbox, trails
resolve   the stage that turns a device's wish (`push --case NO`) into a link
"""
