"""The experiment as data: a protocol in TOML, its check, its frozen hash, its schedule and its drawing. No web.

protocol.py       what a protocol holds, read from TOML
positions.py      on which line of the file each key stands
check.py          every mistake of a file at once, by line
rules.py          what a protocol must keep to beyond single keys
order.py          who meets the scenarios in which order
schedule.py       the timed steps of one participant
registration.py   the hash that freezes a protocol
drawing.py        the scheme as a picture (the paper's Figure 6)
templates/        the one-hour and the ten-minute protocol
"""
