import { GLYPH_HEIGHT, type Glyph } from './glyphs.js';

/** A picture of palette indexes, a byte each; drawing outside of it is clipped. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
  }

  /** Fills the pixels `from` ≤ x < `to` of a row. */
  span(y: number, from: number, to: number, colour: number): void {
    if (y < 0 || y >= this.height) return;
    const start = Math.max(0, Math.round(from));
    const end = Math.min(this.width, Math.round(to));
    if (start < end) this.pixels.fill(colour, y * this.width + start, y * this.width + end);
  }

  rectangle(x: number, y: number, width: number, height: number, colour: number): void {
    for (let row = y; row < y + height; row++) this.span(row, x, x + width, colour);
  }

  circle(centreX: number, centreY: number, radius: number, colour: number): void {
    for (let y = Math.max(0, Math.ceil(centreY - radius)); y <= centreY + radius && y < this.height; y++) {
      const half = Math.sqrt(Math.max(0, radius * radius - (y - centreY) ** 2));
      this.span(y, centreX - half, centreX + half, colour);
    }
  }

  roundedRectangle(
    x: number,
    y: number,
    width: number,
    height: number,
    radius: number,
    colour: number,
  ): void {
    for (let row = 0; row < height; row++) {
      const fromCorner = Math.max(radius - row, row - (height - 1 - radius), 0);
      const inset = radius - Math.sqrt(Math.max(0, radius * radius - fromCorner * fromCorner));
      this.span(y + row, x + inset, x + width - inset, colour);
    }
  }

  /** Draws a line of text with its top left corner at (x, y); `half` is the side of half a letter pixel. */
  text(glyphs: readonly Glyph[], x: number, y: number, half: number, colour: number): void {
    let left = x;
    for (const glyph of glyphs) {
      for (const [column, row, size] of glyph.squares) {
        this.rectangle(left + column * half, y + row * half, size * half, size * half, colour);
      }
      left += glyph.advance * half;
    }
  }

  /** Draws a picture given as rows of palette letters; a letter without a colour is transparent. */
  sprite(
    rows: readonly string[],
    colours: Readonly<Record<string, number>>,
    x: number,
    y: number,
    scale: number,
  ) {
    for (const [rowIndex, row] of rows.entries()) {
      for (const [columnIndex, letter] of Array.from(row).entries()) {
        const colour = colours[letter];
        if (colour !== undefined) {
          this.rectangle(x + columnIndex * scale, y + rowIndex * scale, scale, scale, colour);
        }
      }
    }
  }
}

/** Height of a line of text with its gap, in half letter pixels. */
export const LINE_HEIGHT = GLYPH_HEIGHT + 5;
