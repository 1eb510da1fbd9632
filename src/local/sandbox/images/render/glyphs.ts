import { GLYPHS, HEX_DIGITS, LOOKALIKES } from './glyph-table.js';

/** One character ready to be drawn: its lit pixels on a grid twice as fine as the letters', 16 high. */
export interface Glyph {
  /** Columns to the next character, in half letter pixels. */
  readonly advance: number;
  /** Lit squares as `[x, y, size]` in half letter pixels. */
  readonly squares: readonly (readonly [x: number, y: number, size: number])[];
  /** Whether a line may be broken before this character. */
  readonly breakable: boolean;
}

/** Height of a glyph's grid in half letter pixels. */
export const GLYPH_HEIGHT = 16;

const NO_PICTURE = /^[\p{M}\p{Cf}\p{Cc}\p{Cs}]$/u;

function squaresOf(picture: string, size: number, left: number, top: number) {
  return picture
    .split(' ')
    .flatMap((row, y) =>
      Array.from(row).flatMap((pixel, x) =>
        pixel === '#' ? [[left + x * size, top + y * size, size] as const] : [],
      ),
    );
}

/** A box with the code point in it, two lines of digits, like fonts of last resort. */
function codePointBox(codePoint: number): Glyph {
  const digits = codePoint.toString(16).toUpperCase();
  const perLine = digits.length > 4 ? 3 : 2;
  const code = digits.padStart(perLine * 2, '0');
  const width = perLine * 4 + 3;
  const squares: (readonly [number, number, number])[] = [];
  for (let x = 0; x < width; x++) squares.push([x, 0, 1], [x, GLYPH_HEIGHT - 1, 1]);
  for (let y = 1; y < GLYPH_HEIGHT - 1; y++) squares.push([0, y, 1], [width - 1, y, 1]);
  for (const [index, digit] of Array.from(code).entries()) {
    const left = 2 + (index % perLine) * 4;
    const top = index < perLine ? 2 : 9;
    squares.push(...squaresOf(HEX_DIGITS[digit] ?? '', 1, left, top));
  }
  return { advance: width + 1, squares, breakable: true };
}

const letters = new Map(
  Object.entries(GLYPHS).map(([sign, picture]): [string, Glyph] => [
    sign,
    { advance: 12, squares: squaresOf(picture, 2, 0, 0), breakable: false },
  ]),
);

/**
 * The glyphs of a line of text, in the order of its code points: ASCII letters unchanged, Latin letters without their
 * diacritics, anything else as a box. Invisible characters are left out.
 */
export function glyphsOf(line: string): readonly Glyph[] {
  const glyphs: Glyph[] = [];
  for (const sign of line.normalize('NFD')) {
    for (const drawn of LOOKALIKES[sign] ?? sign) {
      const letter = letters.get(drawn);
      if (letter !== undefined) glyphs.push(letter);
      else if (!NO_PICTURE.test(drawn)) glyphs.push(codePointBox(drawn.codePointAt(0) ?? 0));
    }
  }
  return glyphs;
}

/** Width of glyphs set beside each other, in half letter pixels. */
export function widthOf(glyphs: readonly Glyph[]): number {
  return glyphs.reduce((width, glyph) => width + glyph.advance, 0);
}
