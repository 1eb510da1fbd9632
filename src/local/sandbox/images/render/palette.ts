/** A colour as red, green, blue, 0–255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Indexes of the palette's colours; 0–7 run from the picture's first colour to its second. */
export const COLOUR = {
  tones: 8,
  panel: 8,
  ink: 9,
  muted: 10,
  banana: 11,
  bananaShade: 12,
  bananaTip: 13,
  shadow: 14,
  rule: 15,
} as const;

/** Hue in degrees, saturation and lightness 0–1. */
function fromHsl(hue: number, saturation: number, lightness: number): Rgb {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number) => {
    const k = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const channel = (a: number, b: number) => Math.round(a + (b - a) * share);
  return [channel(from[0], to[0]), channel(from[1], to[1]), channel(from[2], to[2])];
}

/** The sixteen colours of a picture: two matching hues, a cream panel, and banana yellow. */
export function paletteOf(hueDegrees: number, hueStep: number): readonly Rgb[] {
  const deep = fromHsl(hueDegrees, 0.6, 0.35);
  const light = fromHsl((hueDegrees + hueStep) % 360, 0.7, 0.74);
  const tones = Array.from({ length: COLOUR.tones }, (_, tone) =>
    mix(deep, light, tone / (COLOUR.tones - 1)),
  );
  return [
    ...tones,
    [255, 251, 240],
    fromHsl(hueDegrees, 0.45, 0.16),
    fromHsl(hueDegrees, 0.2, 0.45),
    [255, 214, 51],
    [236, 172, 18],
    [96, 62, 22],
    mix(deep, [0, 0, 0], 0.45),
    [240, 224, 178],
  ];
}
