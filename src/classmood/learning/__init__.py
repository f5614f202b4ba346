"""The learning effect over stimulus (arousal) and response efficacy (valence): the paper's Figure 2, fitted on ratings.

    surface.py      the surface, its defaults, and its mean where a feeling is only known up to an error
    feelings.py     what was felt, given what was rated
    ends.py         what the ends of the rating scale cut off
    fit.py          least squares, many fits at once
    intervals.py    the bootstrap by participant
    shape.py        the quadratic, AIC, and the two-lines test: whether there is an inverted U at all
    study.py        all of it for one set of self-reports
    placing.py      where a class sits on the surface
    aspects.py      each emotion and the six aspects of the learning effect
    picture.py, words.py   Figure 2; Markdown and JSON

No public set links rated or recognised emotion to a learning outcome, so what stands behind the method is recovery on
simulated studies (``benchmarks/learning_recovery.py``), and what stands behind a fit is the study it was made on.
"""
