"""Does the model know when it is wrong, and does it say what the raters say? On both FER+ test splits.

    python benchmarks/calibration.py --data ../shared/data/ferplus --markdown out/calibration.md --json out/cal.json

- **Confidence**: expected calibration error (15 bins of equal width) against the arg-max of the votes, and beside it
  what chance alone gives, since this error is never 0 on a finite set.
- **Votes**: mean divergence KL(raters || model), and beside it what one rater's word is worth. Of every image each of
  its raters is set aside in turn; what the others said is predicted by the model, and from the word of the one set
  aside, through a table, counted on the training split, of what others say where one says this. The same for naming the
  class that most of the others chose. Raters who said "unknown" or "not a face" are left out, images with fewer than
  three raters too.
- **Coverage**: accuracy of the faces that remain when the least sure are left unnamed.
- **Threshold**: derived on the held-out fold of the training split, which no test image is in: the confidence from
  which on a named class is more likely right than wrong, by isotonic regression of "right" on confidence, and its
  interval over resampled folds. What it does to the tests is then reported.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression

from classmood.classifier import Classifier
from classmood.emotions import FERPLUS_CLASSES
from classmood.scores import calibration_error
from classmood.training.datasets import decode_grey, load_training, read_split
from classmood.training.protocol import labels

# The share that the shipped model's recipe holds out.
HOLDOUT = 0.06
RESAMPLED = 1000
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
LEAST_RATERS = 3


@dataclass(frozen=True)
class Agreement:
    """How well the raters' votes are foretold.

    Attributes:
        images: with enough raters.
        kl_all: mean KL(votes || model), all raters' votes.
        kl_model: mean KL(votes of the others || model), each rater set aside in turn.
        kl_one_rater: the same of the table's row for the rater set aside.
        kl_nothing: the same of the class frequencies alone.
        names_model: how often the model names the class that most of the others chose; a tie counts as its share.
        names_one_rater: the same of the rater set aside.
    """

    images: int
    kl_all: float
    kl_model: float
    kl_one_rater: float
    kl_nothing: float
    names_model: float
    names_one_rater: float


@dataclass(frozen=True)
class SplitFigures:
    """Figures of one split."""

    split: str
    images: int
    accuracy: float
    ece: float
    ece_if_perfect: tuple[float, float]
    agreement: Agreement
    coverage: dict[str, float]
    named: float
    accuracy_named: float
    bins: list[dict[str, float]]


def one_rater_table(votes: np.ndarray) -> np.ndarray:
    """Row j: what another rater of the same image says, where one says j; each counted with one more of every class."""
    votes = votes.astype(float)
    raters = votes.sum(1)
    enough = raters >= LEAST_RATERS
    votes, raters = votes[enough], raters[enough]
    # Each ordered pair of two raters of an image, an image's pairs weighing as much as its raters.
    pairs = (votes / (raters - 1)[:, None]).T @ votes - np.diag((votes / (raters - 1)[:, None]).sum(0))
    table: np.ndarray = (pairs + 1) / (pairs + 1).sum(1, keepdims=True)
    return table


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """KL(p || q) in nats, row by row."""
    ratio = np.divide(p, np.maximum(q, 1e-9), out=np.ones_like(p), where=p > 0)
    total: np.ndarray = (p * np.log(ratio)).sum(-1)
    return total


def agreement(votes: np.ndarray, model: np.ndarray, table: np.ndarray) -> Agreement:
    """Set each rater aside in turn and foretell the others, by the model and by the rater's word."""
    votes, model = votes.astype(float), model.astype(float)
    raters = votes.sum(1)
    enough = raters >= LEAST_RATERS
    votes, model, raters = votes[enough], model[enough], raters[enough]
    nothing = (votes.sum(0) + 1) / (votes.sum(0) + 1).sum()
    totals = np.zeros(5)
    said_by_model = model.argmax(1)
    for word in range(votes.shape[1]):
        said = votes[:, word] > 0
        weight = votes[said, word] / raters[said]
        others = votes[said] - np.eye(votes.shape[1])[word]
        shares = others / others.sum(1, keepdims=True)
        most = others == others.max(1, keepdims=True)
        chosen = most / most.sum(1, keepdims=True)
        found = (
            divergence(shares, model[said]),
            divergence(shares, np.broadcast_to(table[word], shares.shape)),
            divergence(shares, np.broadcast_to(nothing, shares.shape)),
            chosen[np.arange(len(chosen)), said_by_model[said]],
            chosen[:, word],
        )
        totals += [float(weight @ values) for values in found]
    kl_all = divergence(votes / raters[:, None], model).mean()
    return Agreement(len(votes), float(kl_all), *(float(total) for total in totals / len(votes)))


def coverage(confidence: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Accuracy of the surest shares of the faces."""
    ordered = right[np.argsort(-confidence, kind="stable")]
    return {f"{share:.2f}": float(ordered[: max(1, round(share * len(ordered)))].mean()) for share in COVERAGES}


def even_threshold(confidence: np.ndarray, right: np.ndarray) -> float:
    """The least confidence at which a named class is as likely right as wrong, by isotonic regression."""
    fitted = IsotonicRegression(out_of_bounds="clip").fit(confidence, right.astype(float))
    at, chance = fitted.X_thresholds_, fitted.y_thresholds_
    above = np.flatnonzero(chance >= 0.5)
    if not len(above):
        return 1.0
    first = int(above[0])
    if first == 0:
        return float(at[0])
    rise = (0.5 - chance[first - 1]) / max(chance[first] - chance[first - 1], 1e-12)
    return float(at[first - 1] + rise * (at[first] - at[first - 1]))


def resampled(confidence: np.ndarray, right: np.ndarray, figure: object, rounds: int) -> tuple[float, float]:
    """The 95 % interval of a figure over images drawn anew."""
    random = np.random.default_rng(0)
    n = len(confidence)
    values = [figure(confidence[i], right[i]) for i in (random.integers(0, n, n) for _ in range(rounds))]  # type: ignore[operator]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def error_if_perfect(confidence: np.ndarray, rounds: int) -> tuple[float, float]:
    """The calibration error that chance alone gives to confidences that are true: its mean, and its 95th percentile."""
    random = np.random.default_rng(0)
    drawn = [calibration_error(confidence, random.random(len(confidence)) < confidence) for _ in range(rounds)]
    return float(np.mean(drawn)), float(np.percentile(drawn, 95))


def reliability(confidence: np.ndarray, right: np.ndarray, count: int = 10) -> list[dict[str, float]]:
    """Mean confidence and accuracy in bins of equal width that hold any face."""
    place = np.minimum((confidence * count).astype(int), count - 1)
    return [
        {
            "from": k / count,
            "faces": int((place == k).sum()),
            "confidence": float(confidence[place == k].mean()),
            "accuracy": float(right[place == k].mean()),
        }
        for k in np.unique(place).tolist()
    ]


def split_figures(
    split: str,
    votes: np.ndarray,
    probabilities: np.ndarray,
    confidence: np.ndarray,
    table: np.ndarray,
    threshold: float,
) -> SplitFigures:
    """All figures of a split (votes n x 10, probabilities n x 8)."""
    right = probabilities.argmax(1) == labels(votes, "argmax")
    confidence = confidence.astype(float)
    named = confidence >= threshold
    return SplitFigures(
        split,
        len(votes),
        float(right.mean()),
        calibration_error(confidence, right),
        error_if_perfect(confidence, RESAMPLED),
        agreement(votes[:, : len(FERPLUS_CLASSES)], probabilities, table),
        coverage(confidence, right),
        float(named.mean()),
        float(right[named].mean()),
        reliability(confidence, right),
    )


def measure(data: Path, model: str, threads: int, holdout: float = HOLDOUT) -> dict[str, object]:
    """Everything, for one model."""
    classifier = Classifier(model, threads=threads)
    _, held = load_training("ferplus", data).split(holdout)
    seen = classifier(held.images)
    sure, right = seen.confidence.astype(float), seen.ferplus.argmax(1) == held.targets.argmax(1)
    threshold = even_threshold(sure, right)
    table = one_rater_table(read_split(data, "train")[2][:, : len(FERPLUS_CLASSES)])
    used = classifier.card.not_sure_below
    figures = []
    for split in ("public_test", "private_test"):
        names, encoded, votes, _ = read_split(data, split)
        crops = np.stack([decode_grey(content, name) for content, name in zip(encoded, names, strict=True)])
        found = classifier(crops)
        figures.append(split_figures(split, votes, found.ferplus, found.confidence, table, used))
    return {
        "model": Path(model).stem,
        "held_images": len(held),
        "held_accuracy": float(right.mean()),
        "held_ece": calibration_error(sure, right),
        "threshold_derived": threshold,
        "threshold_interval": resampled(sure, right, even_threshold, RESAMPLED),
        "threshold_used": used,
        "splits": [asdict(figure) for figure in figures],
    }


def markdown(content: dict[str, object]) -> str:
    """The tables."""
    splits: list[dict[str, object]] = content["splits"]  # type: ignore[assignment]
    low, high = content["threshold_interval"]  # type: ignore[misc]
    agreements: list[dict[str, float]] = [split["agreement"] for split in splits]  # type: ignore[misc]

    def row(name: str, cells: list[str]) -> str:
        return f"| {name} | {' | '.join(cells)} |"

    lines = [
        f"## {content['model']}",
        "",
        row("", [str(split["split"]) for split in splits]),
        row("---", ["--:"] * len(splits)),
        row("images", [str(split["images"]) for split in splits]),
        row("accuracy", [_percent(split["accuracy"]) for split in splits]),
        row(
            "calibration error of the confidence",
            [_percent(split["ece"]) for split in splits],
        ),
        row(
            "the same were it perfectly calibrated, by chance alone: mean, 1 time in 20 above",
            ["{}, {}".format(*map(_percent, split["ece_if_perfect"])) for split in splits],  # type: ignore[call-overload]
        ),
        row("KL(all votes, model), nats", [f"{a['kl_all']:.3f}" for a in agreements]),
        row("KL(votes of the others, model)", [f"{a['kl_model']:.3f}" for a in agreements]),
        row("KL(votes of the others, from one rater's word)", [f"{a['kl_one_rater']:.3f}" for a in agreements]),
        row("KL(votes of the others, class frequencies)", [f"{a['kl_nothing']:.3f}" for a in agreements]),
        row("names what most of the others chose: model", [_percent(a["names_model"]) for a in agreements]),
        row("names what most of the others chose: one rater", [_percent(a["names_one_rater"]) for a in agreements]),
    ]
    for share in COVERAGES:
        cells = [_percent(split["coverage"][f"{share:.2f}"]) for split in splits]  # type: ignore[index]
        lines.append(row(f"accuracy of the surest {100 * share:.0f} %", cells))
    used = content["threshold_used"]
    lines += [
        row(f"named at a confidence of {used} or more", [_percent(split["named"]) for split in splits]),
        row("accuracy of those", [_percent(split["accuracy_named"]) for split in splits]),
        "",
        f"Threshold from the held-out fold ({content['held_images']} images): right is as likely as wrong at a "
        f"confidence of {content['threshold_derived']:.2f} (95 % interval {low:.2f} to {high:.2f}); "
        f"the model's card says {used}.",
        "",
    ]
    for split in splits:
        lines += [f"| {split['split']}: confidence | faces | mean confidence | accuracy |", "|---|--:|--:|--:|"]
        for one in split["bins"]:  # type: ignore[attr-defined]
            cells = [str(one["faces"]), _percent(one["confidence"]), _percent(one["accuracy"])]
            lines.append(row(f"from {one['from']:.1f}", cells))
        lines.append("")
    return "\n".join(lines)


def _percent(share: object) -> str:
    return f"{100 * float(share):.1f} %"  # type: ignore[arg-type]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ferplus"))
    parser.add_argument("--model", default="emotion-resnet18-int8")
    parser.add_argument("--holdout", type=float, default=HOLDOUT, help="data.holdout of the model's recipe")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    everything = measure(given.data, given.model, given.threads, given.holdout)
    text = markdown(everything)
    print(text)
    if given.markdown:
        given.markdown.write_text(text, encoding="utf-8")
    if given.json:
        given.json.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
