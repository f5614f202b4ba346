// The emotions as classmood.emotions has them (tests/emotions.test.ts compares), with their places in valence and arousal.

export const EMOTIONS = ["joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"] as const;
export const CLASSES = ["neutral", ...EMOTIONS] as const;
export type Emotion = (typeof EMOTIONS)[number];
export type ClassName = (typeof CLASSES)[number];
/** What a release has shares of: the classes, and faces or moods that are not known. */
export const CELLS = [...CLASSES, "unsure"] as const;
export type Cell = (typeof CELLS)[number];

export const FERPLUS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"] as const;
export const FERPLUS_TO_CLASS: Record<(typeof FERPLUS)[number], ClassName> = {
  neutral: "neutral",
  happiness: "joy",
  surprise: "surprise",
  sadness: "grief",
  anger: "fury",
  disgust: "disdain",
  fear: "terror",
  contempt: "disdain",
};

/** Valence and arousal, each in [-1, 1]. */
export const PLACES: Record<ClassName, readonly [number, number]> = {
  neutral: [0.0, 0.0],
  joy: [0.76, 0.48],
  appreciation: [0.55, 0.07],
  terror: [-0.62, 0.82],
  surprise: [0.4, 0.67],
  grief: [-0.63, -0.27],
  disdain: [-0.6, 0.35],
  fury: [-0.44, 0.72],
  caution: [0.12, 0.5],
};

/** Probabilities by class. Of a model of the FER+ classes sums; it does not measure appreciation and caution: they stay 0. */
export function classShares(p: readonly number[], labels: "ferplus" | "classroom" = "ferplus"): Record<ClassName, number> {
  const shares = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<ClassName, number>;
  if (labels === "classroom") CLASSES.forEach((name, k) => (shares[name] = p[k] ?? 0));
  else FERPLUS.forEach((name, k) => (shares[FERPLUS_TO_CLASS[name]] += p[k] ?? 0));
  return shares;
}
