"""Procedures as data: what an agency's way of working demands, and one machine that runs them all.

model     what a procedure is made of
lines     where things stand in the text of a TOML file
read      tables of a text, fault by fault
refer     names that stand for nothing or for two things
load      text in, Procedure or every problem with its line out
graph     what comes before what; the faults of a graph
state     what has happened in a case, folded from its entries
machine   what may be done next: acts, refused while something is missing
marks     what is marked for ever: facts, never refused
clocks    the deadlines of a case
draw      the procedure, with a case on it, as a flowchart
shipped   the procedures that come with Liuhen
"""
