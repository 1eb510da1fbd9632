import prettyBytes from 'pretty-bytes';
import { renderTable } from '../../src/cli/terminal/table.js';
import { ratioOf, type BenchRow, type Unit } from './row.js';

const COLUMNS = [
  { title: 'bench' },
  { title: 'measured', shrinks: true },
  { title: 'ours', align: 'right' },
  { title: 'best peer', align: 'right' },
  { title: 'limit', align: 'right' },
  { title: 'ratio', align: 'right' },
] as const;

/** The rows as a table at most `width` cells wide; undefined for no limit. Ends with a line break. */
export function benchTable(rows: readonly BenchRow[], width: number | undefined): string {
  return renderTable(
    COLUMNS,
    rows.map((row) => [
      row.bench,
      row.what,
      row.ours === undefined ? 'not available' : figureText(row.ours, row.unit),
      peerText(row),
      row.limit === undefined ? '' : figureText(row.limit, row.unit),
      ratioText(row),
    ]),
    { width },
  );
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
  if (unit === 'bytes/s') return `${prettyBytes(figure)}/s`;
  const size = Math.abs(figure);
  return `${figure.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)} ${unit}`;
}
