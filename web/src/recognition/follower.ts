// The faces of a camera, frame after frame, at a working size that follows what is seen, as classmood.follower: the
// first frame is surveyed, the next are looked at small, most of them only around the known faces.

import { at, overlap, type Row, SCORE, seesAll } from "./boxes.ts";
import type { Constants } from "./cards.ts";
import type { Detector } from "./detector.ts";
import { Mosaic } from "./mosaic.ts";
import { type Pixels, resize } from "./pixels.ts";
import { fitSide, roundUp, type Size, surveyScales, workingSize } from "./scales.ts";

export class Follower {
  private size: Size = { width: 0, height: 0 };
  private scales: number[] = [];
  private known: Row[] = [];
  private thumbnail: Pixels | null = null;
  private thumbnailOfWhole: Pixels | null = null;
  private patience = 0;
  private framesSince = 0;
  private changed = 0;
  private uneasy = false;
  private mosaic: Mosaic | null = null;
  private mosaics = 0;
  private mosaicOf = 0;

  constructor(private readonly detector: Detector) {}

  /** Find the faces of the next frame, the surest first. */
  async detect(image: Pixels): Promise<Row[]> {
    const { width, height } = this.size;
    if (image.width !== width || image.height !== height) this.forget(image);
    const [across, down] = this.k.thumbnail;
    const thumbnail = resize(image, across, down);
    this.framesSince += 1;
    this.changed = Math.max(this.changed, this.changedShare(thumbnail));
    this.thumbnail = thumbnail;
    if (this.isDue(this.changed)) {
      await this.survey(image, this.changed > this.k.changed_share || this.framesSince >= this.k.patience_to);
    } else if (!(await this.glimpse(image))) {
      await this.glance(image);
    }
    return this.known;
  }

  /** What comes next has nothing to do with what was: it is surveyed as a photo. */
  forget(size: Size): void {
    this.size = { width: size.width, height: size.height };
    this.scales = [];
    this.known = [];
    this.thumbnail = this.thumbnailOfWhole = null;
    this.patience = this.k.patience_from;
    this.framesSince = this.changed = 0;
    this.uneasy = false;
    this.mosaic = null;
    this.mosaics = this.mosaicOf = 0;
  }

  private get constants(): Constants {
    return this.detector.constants;
  }

  private get k(): Constants["follower"] {
    return this.constants.follower;
  }

  private changedShare(thumbnail: Pixels): number {
    if (!this.scales.length || !this.thumbnail) return 1;
    const pixels = changedPixels(thumbnail, this.thumbnail, this.k.changed_levels);
    return pixels.filter(Boolean).length / pixels.length;
  }

  private isDue(changed: number): boolean {
    if (changed > this.k.cut_share) return this.framesSince >= this.patience * this.k.cut_patience;
    const asked = changed > this.k.changed_share || this.uneasy;
    return this.framesSince >= (asked ? this.patience * this.k.changed_patience : this.patience);
  }

  /** Look at the whole at the working size. */
  private async glance(image: Pixels): Promise<void> {
    this.take(this.credible(await this.detector.look(image, this.scales, this.k.known_score)));
    this.planMosaic();
  }

  /** Look at the mosaic; whether that was enough to know where all faces are. */
  private async glimpse(image: Pixels): Promise<boolean> {
    const mosaic = this.mosaic;
    if (!mosaic || this.mosaics >= this.k.mosaics_at_most || this.newsOutside(mosaic)) return false;
    const rows = this.credible(await this.detector.lookAt(image, this.scale, mosaic, this.k.known_score));
    if (!this.seesAll(rows, this.known) || !mosaic.holds(this.atWork(rows), this.k.cut_margin)) return false;
    this.take(rows);
    this.mosaics += 1;
    if (!mosaic.holds(this.atWork(rows), this.k.near_margin)) this.mosaic = this.newMosaic();
    return true;
  }

  /** Take what was found for what is there, and note what asks for a survey. */
  private take(rows: Row[]): void {
    const lost = !this.seesAll(rows, this.known);
    const small = rows.some((row) => at(row, 3) * this.scale < this.constants.centerface.floor_px);
    this.uneasy = this.uneasy || lost || small;
    this.known = rows;
  }

  /** Whether something changed, since the whole was looked at, where the mosaic does not look. */
  private newsOutside(mosaic: Mosaic): boolean {
    if (!this.thumbnail || !this.thumbnailOfWhole) return true;
    const pixels = changedPixels(this.thumbnail, this.thumbnailOfWhole, this.k.changed_levels);
    const outside = mosaic.outside(this.thumbnail.width, this.thumbnail.height);
    return pixels.some((changed, i) => changed && at(outside, i));
  }

  /** After a look at the whole: keep the mosaic there is, if it serves, so that its size stays. */
  private planMosaic(): void {
    this.mosaics = 0;
    this.thumbnailOfWhole = this.thumbnail;
    const kept = this.mosaic;
    const picture = workingSize(this.size, this.scale);
    const serves =
      kept?.picture.width === picture.width &&
      kept.picture.height === picture.height &&
      this.known.length === this.mosaicOf &&
      kept.holds(this.atWork(this.known), this.k.near_margin);
    if (!serves) this.mosaic = this.newMosaic();
  }

  /** A mosaic of the known faces; null without any, at two sizes, and where it would save little. */
  private newMosaic(): Mosaic | null {
    this.mosaicOf = this.known.length;
    if (!this.mosaicOf || this.scales.length > 1) return null;
    const picture = workingSize(this.size, this.scale);
    const mosaic = Mosaic.around(this.atWork(this.known), picture, this.constants);
    const multiple = this.constants.scales.side_multiple_px;
    const whole = roundUp(picture.height, multiple) * roundUp(picture.width, multiple);
    return mosaic.areaPx <= this.k.mosaic_area * whole ? mosaic : null;
  }

  /** The working size, as a share of the frame's own. */
  private get scale(): number {
    return at(this.scales, 0);
  }

  /** Rows with their boxes in px of the picture at its working size. */
  private atWork(rows: readonly Row[]): Row[] {
    const scale = Math.fround(this.scale);
    return rows.map((row) => row.map((value, i) => (i < 4 ? value * scale : value)));
  }

  /** Look at more than the working size shows, and choose it anew. */
  private async survey(image: Pixels, thorough: boolean): Promise<void> {
    const before = this.scales;
    let [large, small] = surveyScales(image, this.constants);
    if (!thorough) large = Math.min(large, this.k.closer * Math.max(...before));
    const rows = this.credible(await this.detector.look(image, [large, small], this.k.known_score));
    const noNews = this.seesAll(this.known, rows);
    this.known = rows;
    this.scales = await this.chooseScales(image, noNews);
    const foundSmaller = !before.length || this.scale > at(before, 0) || this.scales.length > before.length;
    this.patience = foundSmaller ? this.k.patience_from : Math.min(2 * this.patience, this.k.patience_to);
    this.framesSince = this.changed = 0;
    this.uneasy = false;
    this.planMosaic();
  }

  /** New faces that are sure enough, and known ones that are not quite. */
  private credible(rows: Row[]): Row[] {
    const iou = this.constants.boxes.same_face_iou;
    const isKnown = (row: Row): boolean => this.known.some((face) => overlap(row, face) > iou);
    return rows.filter((row) => at(row, SCORE) >= Math.fround(this.k.new_score) || isKnown(row));
  }

  /** The least scale at which all that the survey found is found again; known faces were, a frame ago. */
  private async chooseScales(image: Pixels, noNews: boolean): Promise<number[]> {
    const { aim_px: aim, ceiling_px: ceiling } = this.constants.centerface;
    const [large, small] = surveyScales(image, this.constants);
    const heights = this.known.length ? this.known.map((row) => at(row, 3)) : [image.height * this.k.unseen_share];
    const smallest = Math.min(...heights);
    const largest = Math.max(...heights);
    let scale = fitSide(image, aim / smallest, small, large, this.constants);
    // A size that does well enough stays: every new one costs memory and unsteadies landmarks.
    if (this.scales.length) {
      const fit = (smallest * this.scale) / aim;
      if (fit >= this.k.fits_from && fit <= this.k.fits_to) {
        if (noNews) return this.scales;
        scale = this.scale;
      }
    }
    const atMost = Math.min(this.k.closer * scale, large);
    for (;;) {
      const scales = scale > small && largest * scale > ceiling ? [scale, small] : [scale];
      const seen = await this.detector.look(image, scales, this.k.known_score);
      if (scale >= atMost || this.seesAll(seen, this.known)) return scales;
      scale = fitSide(image, this.k.step * scale, small, atMost, this.constants);
    }
  }

  private seesAll(rows: Row[], known: Row[]): boolean {
    return seesAll(rows, known, this.constants.boxes.same_face_iou);
  }
}

/** Which pixels of two thumbnails differ by more than some levels in some colour. */
function changedPixels(a: Pixels, b: Pixels, levels: number): boolean[] {
  return Array.from({ length: a.width * a.height }, (_, i) =>
    [0, 1, 2].some((c) => Math.abs(at(a.data, 4 * i + c) - at(b.data, 4 * i + c)) > levels),
  );
}
