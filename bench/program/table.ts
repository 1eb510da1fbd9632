import Table from 'cli-table3';
import prettyBytes from 'pretty-bytes';
import stringWidth from 'string-width';
import { ratioOf, type BenchRow, type Unit } from './row.js';

const HEAD = ['bench', 'measured', 'ours', 'best peer', 'limit', 'ratio'];
/** The column that is wrapped if the terminal is too narrow for all, and its least width. */
const WRAPPED = 1;
const NARROWEST = 24;
/** A frame and a space on both sides of each cell. */
const AROUND_CELL = 3;

/**
 * The rows as a table; ends with a line break. `width` is that of the terminal, undefined for no limit: what is measured
 * is wrapped to fit, and nothing is cut.
 */
export function benchTable(rows: readonly BenchRow[], width: number | undefined): string {
  const lines = rows.map((row) => [
    row.bench,
    row.what,
    row.ours === undefined ? 'not available' : figureText(row.ours, row.unit),
    peerText(row),
    row.limit === undefined ? '' : figureText(row.limit, row.unit),
    ratioText(row),
  ]);
  const widths = HEAD.map((title, column) =>
    Math.max(...[title, ...lines.map((line) => line[column] ?? '')].map((cell) => stringWidth(cell))),
  );
  if (width !== undefined) {
    const total = widths.reduce((sum, cells) => sum + cells + AROUND_CELL, 1);
    const wrapped = widths[WRAPPED] ?? 0;
    widths[WRAPPED] = Math.min(wrapped, Math.max(NARROWEST, wrapped + width - total));
  }
  const table = new Table({
    head: HEAD,
    colWidths: widths.map((cells) => cells + AROUND_CELL - 1),
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const line of lines) table.push(line);
  return `${table.toString()}\n`;
}

function peerText({ peer, unit }: BenchRow): string {
  if (!peer) return '';
  return `${peer.name}: ${'figure' in peer ? figureText(peer.figure, unit) : peer.missing}`;
}

function ratioText(row: BenchRow): string {
  const ratio = ratioOf(row);
  return ratio === undefined || row.ratioOf === undefined ? '' : `${row.ratioOf} = ${ratio.toFixed(2)}`;
}

/** A figure with three digits or more, and its unit: `0.42 ms`, `17.3 s`, `1240 rows/s`. */
export function figureText(figure: number, unit: Unit): string {
  if (unit === 'bytes') return prettyBytes(figure);
  const size = Math.abs(figure);
  return `${figure.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)} ${unit}`;
}
