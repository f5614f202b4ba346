// The cloud of a class in the valence-arousal plane: an ellipse from mean and covariance.

export interface Ellipse {
  x: number;
  y: number;
  /** Standard deviations along its axes, the longer first. */
  long: number;
  short: number;
  /** Of the longer axis, in degrees from the valence axis towards arousal. */
  degrees: number;
}

/** A spread so small would be a dot, and a dot is what one child would be. */
export const LEAST_SPREAD = 0.06;

/** From a mean and (VV, AA, VA); rounding may make a covariance a little less than one. */
export function ellipse(valence: number, arousal: number, covariance: readonly [number, number, number]): Ellipse {
  const [vv, aa, va] = covariance;
  const middle = (vv + aa) / 2;
  const apart = Math.hypot((vv - aa) / 2, va);
  const degrees = (Math.atan2(2 * va, vv - aa) / 2) * (180 / Math.PI);
  return {
    x: valence,
    y: arousal,
    long: Math.max(Math.sqrt(Math.max(middle + apart, 0)), LEAST_SPREAD),
    short: Math.max(Math.sqrt(Math.max(middle - apart, 0)), LEAST_SPREAD),
    degrees,
  };
}
