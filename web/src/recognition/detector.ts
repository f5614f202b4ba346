// A frame to faces: the network shown an image at some sizes, whole or in part, as classmood.detectors.

import { at, covered, keepDistinct, type Row, SCORE } from "./boxes.ts";
import type { Constants } from "./cards.ts";
import { blackCanvas, type Canvas, type Mosaic, movedPoints, paint } from "./mosaic.ts";
import type { Pixels } from "./pixels.ts";
import { roundUp, shrink } from "./scales.ts";

/** Finds faces that score a threshold or more in a picture whose sides are multiples of 32. */
export type FaceNetwork = (canvas: Canvas, threshold: number) => Promise<Row[]>;

export class Detector {
  constructor(
    private readonly network: FaceNetwork,
    readonly constants: Constants,
  ) {}

  /** Find faces at some scales, the largest first; where two see the same face, the larger sees it better. */
  async look(image: Pixels, scales: readonly number[], threshold: number): Promise<Row[]> {
    const ceiling = this.constants.centerface.ceiling_px;
    let found: Row[] = [];
    for (let i = scales.length - 1; i >= 0; i--) {
      const scale = at(scales, i);
      let rows = await this.lookOnce(image, scale, threshold);
      if (i < scales.length - 1) {
        const large = found.filter((row) => at(row, 3) * scale > ceiling);
        rows = rows.filter((row) => at(row, 3) * scale <= ceiling && !this.isPiece(row, large));
      }
      found = [...rows, ...found];
    }
    if (scales.length > 1) {
      const iou = this.constants.boxes.same_face_iou;
      found = keepDistinct(found.map((row) => ({ row })), iou).map(({ row }) => row);
    }
    return found.sort((a, b) => at(b, SCORE) - at(a, SCORE));
  }

  /** Find faces in the mosaic's parts of the image at one scale. */
  async lookAt(image: Pixels, scale: number, mosaic: Mosaic, threshold: number): Promise<Row[]> {
    const { picture, factors } = shrink(image, scale);
    return enlarged(mosaic.restore(await this.network(mosaic.compose(picture), threshold)), factors, 0);
  }

  private async lookOnce(image: Pixels, scale: number, threshold: number): Promise<Row[]> {
    const { picture, factors } = shrink(image, scale);
    const { width, height } = picture;
    const { scales: k, detectors } = this.constants;
    const small = Math.max(width, height) <= k.small_side_px + 2 * detectors.margin_px;
    const margin = small ? detectors.margin_px : 0;
    const multiple = k.side_multiple_px;
    const canvas = blackCanvas(roundUp(width + 2 * margin, multiple), roundUp(height + 2 * margin, multiple));
    paint(canvas, picture, [0, 0, width, height], [margin, margin]);
    return enlarged(await this.network(canvas, threshold), factors, margin);
  }

  /** Whether what was found is a part of a face too large for that scale: within it, and less sure than it. */
  private isPiece(row: Row, large: Row[]): boolean {
    const share = this.constants.detectors.piece_covered;
    return large.some((whole) => covered(row, whole) > share && at(row, SCORE) < at(whole, SCORE));
  }
}

/** Rows of a shrunken picture within a margin, in px of the image. */
function enlarged(rows: Row[], factors: readonly [number, number], margin: number): Row[] {
  return rows.map((row) => {
    const moved = movedPoints(row, (value, axis) => (value - margin) / Math.fround(factors[axis] as number));
    moved[2] = at(row, 2) / Math.fround(factors[0]);
    moved[3] = at(row, 3) / Math.fround(factors[1]);
    return moved;
  });
}
