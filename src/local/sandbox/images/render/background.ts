import type { Canvas } from './canvas.js';
import { COLOUR } from './palette.js';

/** Returns a number in [0, 1); the same sequence for the same picture. */
export type Dice = () => number;

function rings(canvas: Canvas, dice: Dice): void {
  const reach = Math.hypot(canvas.width, canvas.height);
  const x = canvas.width * (0.1 + 0.8 * dice());
  const y = canvas.height * (0.1 + 0.8 * dice());
  const rim = 16;
  for (let ring = 0; ring < rim; ring++) {
    const tone = ring % 14;
    canvas.circle(x, y, reach * (1 - ring / rim), tone < 8 ? tone : 14 - tone);
  }
  canvas.circle(x, y, reach * 0.05, COLOUR.banana);
}

function bands(canvas: Canvas, dice: Dice): void {
  const slope = dice() < 0.5 ? 1 : -1;
  const width = Math.max(canvas.width, canvas.height) / (9 + 6 * dice());
  const yellow = 3 + Math.floor(dice() * 5);
  for (let y = 0; y < canvas.height; y++) {
    const shift = slope * y * 0.6;
    const first = Math.floor(shift / width);
    for (let band = first; band * width - shift < canvas.width; band++) {
      const tone = ((band % 14) + 14) % 14;
      const left = band * width - shift;
      canvas.span(y, left, left + width, tone < 8 ? tone : 14 - tone);
      if (tone === yellow) canvas.span(y, left, left + width * 0.12, COLOUR.banana);
    }
  }
}

function hills(canvas: Canvas, dice: Dice): void {
  for (let band = 0; band < 4; band++) {
    const top = Math.round((canvas.height * band) / 6);
    canvas.rectangle(0, top, canvas.width, canvas.height - top, 7 - (3 - band) * 0.75);
  }
  const side = Math.min(canvas.width, canvas.height);
  canvas.circle(canvas.width * (0.15 + 0.7 * dice()), canvas.height * 0.2, side * 0.13, COLOUR.banana);
  for (let layer = 0; layer < 5; layer++) {
    const base = canvas.height * (0.34 + 0.13 * layer);
    const height = canvas.height * (0.05 + 0.05 * dice());
    const waves = (1.5 + 3 * dice()) / canvas.width;
    const phase = dice();
    const step = 4;
    for (let x = 0; x < canvas.width; x += step) {
      const top = Math.round(
        base +
          height * Math.sin(2 * Math.PI * (x * waves + phase)) +
          height * 0.4 * Math.sin(2 * Math.PI * (x * waves * 2.3 + phase)),
      );
      const bottom = Math.min(canvas.height, Math.ceil(base + height * 1.4));
      for (let y = Math.max(0, top); y < bottom; y++) canvas.span(y, x, x + step, 4 - layer);
    }
    const solid = Math.ceil(base + height * 1.4);
    canvas.rectangle(0, solid, canvas.width, canvas.height - solid, 4 - layer);
  }
}

function bubbles(canvas: Canvas, dice: Dice): void {
  canvas.pixels.fill(1);
  const side = Math.min(canvas.width, canvas.height);
  for (let bubble = 0; bubble < 22; bubble++) {
    const radius = side * (0.05 + 0.22 * dice() * dice());
    const x = canvas.width * dice();
    const y = canvas.height * dice();
    const tone = 2 + Math.floor(dice() * 6);
    canvas.circle(x, y, radius, bubble % 7 === 3 ? COLOUR.banana : tone);
    canvas.circle(x - radius * 0.3, y - radius * 0.3, radius * 0.18, 7);
  }
}

/** Covers the canvas with one of four patterns in the palette's tones. */
export function drawBackground(canvas: Canvas, pattern: number, dice: Dice): void {
  const draw = [rings, bands, hills, bubbles][pattern % 4] ?? rings;
  draw(canvas, dice);
}
