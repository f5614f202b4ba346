"""The runner of a study under the profile ``research``: what participants and researchers ask of the server.

happenings.py     what a participant's page may report, and nothing else
clocks.py         the page's clock against the server's: offset, drift
papers.py         consent texts, filled from deployment and protocol
recordings.py     what a participant agreed to record: parts on the disk, checked, joined
course.py         a participant's steps as their page gets them, and where an interrupted one goes on
desk.py           everything that a running study holds; what must be right before it starts
replies.py        the shapes of this API
taking_part.py    the API for participants
researching.py    the API for the researcher
telling.py        a session told by the server's clock: rows of a dataset
readings.py       what a page read of a face, as a timeline
film.py           recordings as one video on the session's clock
exporting.py      a study as a dataset's folder
erasure.py        a participant without a trace: rows, recordings, exports; models that were trained on them
web.py            the application
commands.py       ``classmood experiment run``, ``export``, ``erase``
"""
