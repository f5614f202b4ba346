// Figures for the three scales of a self-assessment, drawn by ourselves: a face from sad to glad, a person from still to
// stirred up, a person from small to large in the same frame. Each is a function of a share from 0 to 1.

export const BOX = 64;

const mix = (from: number, to: number, share: number): number => from + (to - from) * share;
const n = (value: number): string => value.toFixed(1);

export interface Face {
  mouth: string;
  brows: string[];
}

/** Unpleasant to pleasant: the mouth's bend and the brows' slope. */
export function face(share: number): Face {
  const bend = mix(-11, 12, share);
  const end = 43 - bend * 0.35;
  const inner = mix(21, 20, share);
  const outer = mix(25, 19.5, share);
  const width = mix(8.5, 11.5, Math.abs(share - 0.5) * 2);
  return {
    mouth: `M${n(32 - width)} ${n(end)}Q32 ${n(43 + bend)} ${n(32 + width)} ${n(end)}`,
    brows: [`M17 ${n(outer)}L26 ${n(inner)}`, `M47 ${n(outer)}L38 ${n(inner)}`],
  };
}

/** Calm to stirred up: how wide the eyes are open, and how far a spark in the chest reaches. */
export function spark(share: number): { lid: number; spark: string; rays: string } {
  const reach = mix(1.6, 11, share);
  const points = Array.from({ length: 16 }, (_, k) => {
    const radius = k % 2 ? reach * 0.48 : reach;
    const angle = (k * Math.PI) / 8;
    return `${n(32 + radius * Math.sin(angle))} ${n(49 - radius * Math.cos(angle))}`;
  });
  const rays = [-1, 1].flatMap((side) =>
    [0, 1, 2]
      .filter((k) => share > 0.3 + k * 0.22)
      .map((k) => {
        const x = 32 + side * (19 + k * 4.5);
        return `M${n(x)} ${n(11 - k)}q${n(side * 5)} ${n(8 + k)} 0 ${n(17 + 2 * k)}`;
      }),
  );
  return { lid: mix(0.25, 3.4, share), spark: `M${points.join("L")}Z`, rays: rays.join("") };
}

/** Controlled to in control: how much of the frame the person takes. */
export function size(share: number): number {
  return mix(0.3, 1.0, share);
}
