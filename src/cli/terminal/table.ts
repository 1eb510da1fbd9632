import { once } from 'node:events';
import Table from 'cli-table3';
import stringWidth from 'string-width';

/** A column of a table; columns with `shrinks` are cut if the terminal is too narrow for all. */
export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly shrinks?: boolean;
}

export interface TableOptions {
  /** Maximum number of cells of a line; undefined for no limit, as in a pipe. */
  readonly width: number | undefined;
  readonly paintTitle?: (text: string) => string;
}

const GAP = 2;
const NARROWEST = 8;

/** Text on one line without control characters, which could control a terminal or reverse the text. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\u202A-\u202E\u2066-\u2069]/g, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
}

/** The width of tables on a stream: the terminal's; otherwise undefined. */
export function tableWidth(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns : undefined;
}

/** Rows under titles, in columns two spaces apart, without frames; ends with a line break. Cells are made `oneLine`. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { width, paintTitle = (text) => text }: TableOptions,
): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(oneLine))];
  const natural = columns.map((_, index) => Math.max(...lines.map((line) => stringWidth(line[index] ?? ''))));
  const widths = width === undefined ? natural : fitted(columns, natural, width);
  const table = new Table({
    head: columns.map(({ title }) => paintTitle(title)),
    // The padding belongs to the width of a column.
    colWidths: widths.map((cells) => cells + GAP),
    colAligns: columns.map(({ align = 'left' }) => align),
    chars: NO_FRAME,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
  });
  for (const line of lines.slice(1)) table.push([...line]);
  return table
    .toString()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** The widths, with shrinkable columns cut evenly, the widest first, until all fit or none can shrink further. */
function fitted(
  columns: readonly TableColumn[],
  natural: readonly number[],
  width: number,
): readonly number[] {
  const widths = [...natural];
  const total = (): number => widths.reduce((sum, cells) => sum + cells + GAP, -GAP);
  for (;;) {
    if (total() <= width) return widths;
    let widest = -1;
    for (const [index, { shrinks = false }] of columns.entries()) {
      const cells = widths[index] ?? 0;
      if (shrinks && cells > NARROWEST && cells > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return widths;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;

/** Names and values below each other, the values in one column; without empty values. */
export function renderFacts(facts: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = facts.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  const widest = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(widest)}  ${oneLine(value)}\n`).join('');
}

/** Writes to a stream and waits until it accepts more, so that a slow reader of a long output costs no memory. */
export async function writeText(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}
