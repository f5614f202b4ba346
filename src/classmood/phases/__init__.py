"""How an emotion arises, in the four phases of the paper's Figure 3, as the event model of a session.

    events.py      what happened: stimulus, cognition; read from a CSV or a dataset
    responses.py   what the faces did: physical response and emotion, of each person, from a timeline
    locked.py      what the class showed in the seconds about each stimulus, with intervals
    picture.py     a session read along the four phases; the averages

| phase | paper | here |
|---|---|---|
| stimulus | classroom experience | a slide, question, scenario, mark |
| cognition | knowledge cognition | an answer, a poll, a score |
| physical | physical response | movement and nearness of the face, a missing face |
| emotion | psychological emotion | recognised from the face, or reported |

That one follows another in time is what can be seen; that it causes it is the paper's reading.
"""
