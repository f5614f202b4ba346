"""What a clip is labelled with, and what follows from it.

- ``scenario``: the emotion that the scenario was meant to evoke. Every clip has a label; the model learns what the
  study meant, also from those in whom it evoked something else. Run the manipulation check first.
- ``self-report``: the emotion that the participant chose. The model learns what people said they felt; scenarios that
  missed are no error, but what nobody chose cannot be learned, and classes become uneven.
- ``agreement``: both, where they are the same. The cleanest labels and the fewest, of those who were moved as meant:
  scores on them are of easier clips and are not to be compared with the other two.

A clip without a label still counts for valence, arousal and dominance where these were rated. The resting face at the
beginning is labelled neutral in all three: nobody is asked what they feel while they rest.
"""

from __future__ import annotations

from typing import Literal, get_args

from classmood.clips.recorded import RESTING, RecordedClip

LabelSource = Literal["scenario", "self-report", "agreement"]
LABEL_SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)


def label_of(clip: RecordedClip, source: LabelSource) -> str:
    """A clip's label, "" where it has none."""
    if source == "scenario" or clip.scenario == RESTING:
        return clip.evokes
    if source == "self-report":
        return clip.emotion
    return clip.emotion if clip.emotion == clip.evokes else ""
