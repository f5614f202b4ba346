"""A whole study in one command: from recordings to a model of one's own and what it says of a clip.

drawn_faces.py   faces drawn from shapes, with the eight expressions: nobody's
films.py         a participant's video and answers, by the schedule of a protocol
forms.py         the two simulated studies: London's faces, and drawn ones
simulate.py      the way through: dataset, crops, evaluation, training, export, analysis
"""
