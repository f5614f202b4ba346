"""A study's recordings, cut into labelled crops that a model can be trained on.

recorded.py   which stretch of which video belongs to which scenario and answers
labels.py     what a clip is labelled with: the scenario, the self-report, or both where they agree
quality.py    which frames are good enough
folds.py      participants to folds, never one in two
crop_set.py   the result on disk
build.py      the way from a dataset to a crop set, which a kill does not undo
"""
