/** Number of line breaks in a text: `\r\n`, `\n` and `\r` count as one each. */
export function countLineBreaks(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  for (let at = text.indexOf('\r'); at !== -1; at = text.indexOf('\r', at + 1)) {
    if (text[at + 1] !== '\n') count += 1;
  }
  return count;
}

/** The number of bytes in a line break's code unit, and the side of its zero byte. */
export type UnitLayout = 'byte' | 'utf-16le' | 'utf-16be';

/**
 * The offset just after the last complete line break, or 0 if there is none. A carriage return at the very end does
 * not count, since its line feed may follow.
 */
export function endOfLastLine(bytes: Uint8Array, layout: UnitLayout): number {
  const step = layout === 'byte' ? 1 : 2;
  const end = bytes.length - (bytes.length % step);
  const lineFeed = lastUnit(bytes, 0x0a, end - step, layout);
  const last = lineFeed === -1 ? lastUnit(bytes, 0x0d, end - 2 * step, layout) : lineFeed;
  return last === -1 ? 0 : last + step;
}

function lastUnit(bytes: Uint8Array, unit: number, from: number, layout: UnitLayout): number {
  if (from < 0) return -1;
  if (layout === 'byte') return bytes.lastIndexOf(unit, from);
  for (let at = from; at >= 0; at -= 2) if (unitAt(bytes, at, layout) === unit) return at;
  return -1;
}

/** The offset just after the first line break at or after `from`, or the length if there is none. */
export function endOfLine(bytes: Uint8Array, from: number, layout: UnitLayout): number {
  const step = layout === 'byte' ? 1 : 2;
  for (let at = from; at + step <= bytes.length; at += step) {
    const unit = unitAt(bytes, at, layout);
    if (unit === 0x0a) return at + step;
    if (unit === 0x0d) return unitAt(bytes, at + step, layout) === 0x0a ? at + 2 * step : at + step;
  }
  return bytes.length;
}

function unitAt(bytes: Uint8Array, at: number, layout: UnitLayout): number {
  const first = bytes[at] ?? 0;
  if (layout === 'byte') return first;
  const second = bytes[at + 1] ?? 0;
  return layout === 'utf-16le' ? first | (second << 8) : (first << 8) | second;
}
