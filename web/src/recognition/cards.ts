// The models' cards: all that the page must know of them. web/model_build.py writes them from the Python sources, so
// that no number stands twice.

import { CLASSES, FERPLUS } from "../emotions.ts";

type Numbers<Name extends string> = Readonly<Record<Name, number>>;

/** The constants of the Python modules of the same names, without leading underscores and in small letters. */
export interface Constants {
  readonly boxes: Numbers<"same_face_iou">;
  readonly scales: Numbers<
    "side_multiple_px" | "large_area_px" | "large_area_at_least_px" | "enlarge_at_most" | "small_side_px"
  >;
  readonly centerface: Numbers<
    "stride_px" | "reach" | "vote_share" | "vote_near" | "aim_px" | "floor_px" | "ceiling_px"
  >;
  readonly detectors: Numbers<"margin_px" | "piece_covered">;
  readonly mosaic: Numbers<"reach" | "grid_px">;
  readonly follower: Numbers<
    | "new_score"
    | "known_score"
    | "unseen_share"
    | "patience_from"
    | "patience_to"
    | "changed_share"
    | "cut_share"
    | "changed_levels"
    | "mosaics_at_most"
    | "mosaic_area"
    | "changed_patience"
    | "cut_patience"
    | "fits_from"
    | "fits_to"
    | "step"
    | "closer"
    | "cut_margin"
    | "near_margin"
  > & { readonly thumbnail: readonly [width: number, height: number] };
}

export interface CropConstants extends Numbers<"side_px" | "pixel_mean" | "pixel_spread" | "finest"> {
  readonly template_px: readonly (readonly [x: number, y: number])[];
}

/** What a model measures: FER+'s eight classes, or the classroom's nine. */
export type Labels = "ferplus" | "classroom";

export interface ReadoutConstants {
  readonly classes: readonly string[];
  /** FER+ where a card does not say. */
  readonly labels?: Labels;
  /** Which of valence, arousal and dominance the model measures by an output of its own. */
  readonly dimensions?: readonly string[];
  readonly votes_temperature: number;
  readonly confidence_temperature: number;
  readonly not_sure_below: number;
  /** Valence, arousal and dominance of each class. */
  readonly vad: readonly (readonly [number, number, number])[];
}

interface Card {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface DetectorCard extends Card {
  readonly constants: Constants;
}

export interface EmotionCard extends Card, ReadoutConstants {
  readonly crops: CropConstants;
}

/** What a card of another version lacks is named, rather than met later as a number that is none. */
export function checkDetectorCard(value: unknown): DetectorCard {
  checkNames("detector.json", value, { file: "string", sha256: "string", bytes: "number", constants: "object" });
  const { constants } = value as DetectorCard;
  for (const module of ["boxes", "scales", "centerface", "detectors", "mosaic", "follower"] as const) {
    checkNames(`detector.json, ${module}`, constants[module], {});
  }
  return value as DetectorCard;
}

export function checkEmotionCard(value: unknown): EmotionCard {
  checkNames("emotion.json", value, {
    file: "string",
    sha256: "string",
    bytes: "number",
    crops: "object",
    votes_temperature: "number",
    confidence_temperature: "number",
    not_sure_below: "number",
  });
  const card = value as EmotionCard;
  const expected: readonly string[] = card.labels === "classroom" ? CLASSES : FERPLUS;
  if (card.classes?.join() !== expected.join() || card.vad?.length !== expected.length) {
    const got = `${card.classes?.join(", ")} with ${card.vad?.length}`;
    throw new Error(`emotion.json: expected ${expected.join(", ")} with coordinates each, got ${got}; reload the page`);
  }
  return card;
}

function checkNames(where: string, value: unknown, names: Record<string, string>): void {
  if (typeof value !== "object" || value === null) throw new Error(`${where}: expected an object, got ${typeof value}`);
  for (const [name, kind] of Object.entries(names)) {
    const found = typeof (value as Record<string, unknown>)[name];
    if (found !== kind) throw new Error(`${where}: expected ${name} to be a ${kind}, got ${found}; reload the page`);
  }
}
