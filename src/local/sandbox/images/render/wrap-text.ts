import { glyphsOf, widthOf, type Glyph } from './glyphs.js';

/** Pieces that stay together on a line: words, and each box separately. */
function piecesOf(word: string): readonly (readonly Glyph[])[] {
  const pieces: Glyph[][] = [[]];
  for (const glyph of glyphsOf(word)) {
    if (glyph.breakable) pieces.push([glyph], []);
    else pieces.at(-1)?.push(glyph);
  }
  return pieces.filter((piece) => piece.length > 0);
}

/**
 * Text in lines of at most `width` half letter pixels, at most `maxLines` of them; words longer than a line are
 * broken, and `wordsWhole` is false then. `whole` is false if text had to be left out, and the last line then ends
 * with `…`.
 */
export function wrapText(text: string, width: number, maxLines: number) {
  const lines: Glyph[][] = [];
  let line: Glyph[] = [];
  let used = 0;
  let wordsWhole = true;
  const space = glyphsOf(' ');
  const ellipsis = glyphsOf('…');
  const breakLine = () => {
    lines.push(line);
    line = [];
    used = 0;
  };
  const put = (glyphs: readonly Glyph[]) => {
    line.push(...glyphs);
    used += widthOf(glyphs);
  };
  for (const paragraph of text.split(/\r\n|[\r\n]/)) {
    for (const word of paragraph.split(/\s+/)) {
      if (lines.length > maxLines) break;
      for (const [index, piece] of piecesOf(word).entries()) {
        const gap = index === 0 && used > 0 ? space : [];
        if (used + widthOf(gap) + widthOf(piece) <= width) {
          put(gap);
          put(piece);
          continue;
        }
        if (used > 0) breakLine();
        for (const glyph of piece) {
          if (used > 0 && used + glyph.advance > width) {
            breakLine();
            wordsWhole = false;
          }
          put([glyph]);
        }
      }
    }
    if (line.length > 0) breakLine();
  }
  const whole = lines.length <= maxLines;
  const shown = lines.slice(0, Math.max(1, maxLines));
  const last = shown.at(-1);
  if (!whole && last !== undefined) {
    while (last.length > 1 && widthOf(last) + widthOf(ellipsis) > width) last.pop();
    last.push(...ellipsis);
  }
  return { lines: shown as readonly (readonly Glyph[])[], whole, wordsWhole };
}
