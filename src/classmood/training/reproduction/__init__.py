"""What reproduces the paper's tables and figures, in reading order.

- ``paper``: what the paper prints. ``comparison``: intervals and tests for models that saw the same faces.
- ``predictions``, ``entrants``, ``table1``, ``figure7``: Table 1 and Figure 7.
- ``clips``, ``figure8``: clips of a video in valence, arousal and dominance.
- ``courses``, ``figure9``: the intensity of emotions from onset to apex.
- ``variants``, ``cost``, ``runs``, ``ablation``, ``fractions``: the network with and without the paper's modules.
- ``markdown``, ``page``: what is measured, put into docs/reproduction. ``commands``: the command line.
"""
