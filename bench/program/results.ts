import { ratioOf, type BenchRow } from './row.js';

/** The machine and its state: figures of a busy machine are worth little. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpus: number;
  /** Average number of running processes in the minute before the start; always 0 on Windows. */
  readonly loadBefore: number;
}

/** The content of the JSON file. */
export function resultsText(results: {
  readonly startedAt: Date;
  readonly seconds: number;
  readonly machine: Machine;
  readonly rows: readonly BenchRow[];
}): string {
  const { startedAt, seconds, machine, rows } = results;
  const document = {
    startedAt: startedAt.toISOString(),
    seconds: Math.round(seconds),
    machine,
    rows: rows.map((row) => ({ ...row, ratio: ratioOf(row) })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
