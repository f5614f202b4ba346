"""Did it help? Nudges, or one teaching move, switched on and off by a schedule fixed beforehand.

plan.py       which class has it in which lesson, drawn by a seed, written with its hash
outcomes.py   what was measured in each
analysis.py   the permutation test, the effect with its interval, and what the trial could have shown
"""
