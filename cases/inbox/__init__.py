"""The inbox 待关联: whose recording it is, when it was due, and which case it may belong to.

numbers     a policy's numbers as the pure rules of `cases.links` take them
facts       rows into what attribution is told
attribute   the stage that says whose an item is, and says it again when it learns more
terms       which clock led to a recorded time
touched     which items a fact of the registers may change
acts        what people say: claims, flags, links, refusals
proposals   rows into proposals
queries     pages of the inbox and the list of what is overdue
"""
