import pMap from 'p-map';
import { z } from 'zod';
import type { RowId } from '../../domain/rows/ids.js';
import { hasChosenName } from '../../domain/images/image-name.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import { RowFinder, type NamedRow, type RowAnswer } from './row-reference.js';
import { placeText } from '../../sheet/record-place.js';
import { UsageError } from '../../errors.js';
import { CarriedLine, ShardRowLine } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import { listShards } from '../../ledger/run-rows.js';
import { at, carriedKey, type RunRef } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { oneLine } from '../terminal/table.js';

const READS_AT_ONCE = 8;
/** Maximum number of unknown rows that are reported with suggestions. */
const SHOWN = 3;

/** A row of a run: part of a shard, or carried over with the outcome of an earlier run. */
export type FoundRow =
  | { readonly kind: 'own'; readonly row: ShardRow; readonly shard: number; readonly index: number }
  | { readonly kind: 'carried'; readonly row: ShardRow; readonly outcome: RowOutcome };

/** Prints a note that stops nothing, as a complete line. */
type Note = (line: string) => void;

/** The row that a text names: by its id, its image's name, or its line in the sheet. Throws a UsageError for a text that names none, or several. */
export async function findRow(store: ObjectStore, run: RunRef, text: string, note: Note): Promise<FoundRow> {
  const { rows, missing } = await findRows(store, run, [text], note);
  const [row] = rows;
  if (row) return row.found();
  const [{ meant } = { meant: '' }] = await namesMeant(store, run, missing);
  throw new UsageError(
    `Batch "${run.batchId}" has no row "${oneLine(text)}". ${meant === '' ? '' : `Did you mean ${meant}? `}${HOW_ROWS_ARE_NAMED}`,
  );
}

/** The ids of the rows that texts name, each once. Throws a UsageError as `findRow` does. */
export async function findRowIds(
  store: ObjectStore,
  run: RunRef,
  texts: readonly string[],
  note: Note,
): Promise<readonly RowId[]> {
  const { rows, missing } = await findRows(store, run, texts, note);
  if (missing.length === 0) return [...new Set(rows.map(({ rowId }) => rowId))];
  const suggestions = await namesMeant(store, run, missing.slice(0, SHOWN));
  const named = suggestions.map(({ text, meant }) =>
    meant === '' ? `"${oneLine(text)}"` : `"${oneLine(text)}" (did you mean ${meant}?)`,
  );
  throw new UsageError(
    `Batch "${run.batchId}" has no row ${named.join(', ')}${andMore(missing.length - SHOWN)}; nothing was started. ${HOW_ROWS_ARE_NAMED}`,
  );
}

const HOW_ROWS_ARE_NAMED =
  'Name a row by its id, its image name or its line in the sheet; metadata.jsonl and failures.csv list ids and names.';

interface Candidate extends NamedRow {
  readonly found: () => FoundRow;
}

async function findRows(
  store: ObjectStore,
  run: RunRef,
  texts: readonly string[],
  note: Note,
): Promise<{ readonly rows: readonly Candidate[]; readonly missing: readonly string[] }> {
  const finder = new RowFinder<Candidate>(texts);
  await readRows(store, run, (line, found) => finder.consider(line, () => ({ ...line, found })));
  const rows: Candidate[] = [];
  const missing: string[] = [];
  const ambiguous: string[] = [];
  for (const [text, answer] of finder.answers()) {
    if (answer.kind === 'missing') missing.push(text);
    if (answer.kind === 'ambiguous') ambiguous.push(choicesText(text, answer));
    if (answer.kind !== 'found') continue;
    rows.push(answer.row);
    if (answer.onLine) note(otherText(text, answer.row, answer.onLine));
  }
  if (ambiguous.length > 0) {
    throw new UsageError(
      `${ambiguous.slice(0, SHOWN).join(' ')}${andMore(ambiguous.length - SHOWN)} Nothing was started: use one of them exactly as shown.`,
    );
  }
  return { rows, missing };
}

function choicesText(
  text: string,
  { rows, count }: Extract<RowAnswer<NamedRow>, { kind: 'ambiguous' }>,
): string {
  const choices = rows.map((row) => `id:${oneLine(row.rowId)} (${placeText(row)})`);
  return `"${oneLine(text)}" matches ${count} rows: ${choices.join(', ')}${andMore(count - rows.length)}.`;
}

function otherText(text: string, row: NamedRow, onLine: NamedRow): string {
  return `"${oneLine(text)}" is read as row "${oneLine(row.rowId)}" (${placeText(row)}); for row "${oneLine(onLine.rowId)}" (${placeText(onLine)}) write line:${onLine.line}.\n`;
}

function andMore(count: number): string {
  return count > 0 ? ` and ${count} more` : '';
}

/** Suggestions for texts that name no row; empty if no id is similar. */
async function namesMeant(
  store: ObjectStore,
  run: RunRef,
  texts: readonly string[],
): Promise<readonly { readonly text: string; readonly meant: string }[]> {
  const typed = texts.map((text) => ({ text, near: new NearRowIds(text.trim()) }));
  await readRows(store, run, (row) => {
    for (const { near } of typed) {
      near.consider(row.rowId);
      if (hasChosenName(row)) near.consider(row.imageName);
    }
  });
  return typed.map(({ text, near }) => {
    const names = near.best(SHOWN).map((name) => `"${oneLine(name)}"`);
    return { text, meant: names.join(' or ') };
  });
}

const NamedLine = z.looseObject({
  rowId: z.string().transform((text) => text as RowId),
  imageName: z.string(),
  line: z.number(),
  tableRow: z.number().exactOptional(),
});
const CarriedNamedLine = z.looseObject({ row: NamedLine });

/** Calls `onRow` for every row of a run, in no particular order, reading several files at a time. */
async function readRows(
  store: ObjectStore,
  run: RunRef,
  onRow: (row: NamedRow, found: () => FoundRow) => void,
): Promise<void> {
  const readShard = async ({ shard, key }: { readonly shard: number; readonly key: string }) => {
    let next = 0;
    for await (const line of readJsonLines(await store.read(at(run, key)), NamedLine, key)) {
      const index = next++;
      onRow(line, () => ({ kind: 'own', row: ShardRowLine.parse(line), shard, index }));
    }
  };
  const readCarried = async () => {
    const key = carriedKey(run, run.runSeq);
    for await (const line of readJsonLines(await store.read(at(run, key)), CarriedNamedLine, key))
      onRow(line.row, () => ({ kind: 'carried', ...CarriedLine.parse(line) }));
  };
  const shards = await listShards(store, run);
  const reads = [readCarried, ...shards.map((file) => () => readShard(file))];
  await pMap(reads, (read) => read(), { concurrency: READS_AT_ONCE });
}

/** How similar an id is to a typed text: smaller is better, undefined for not at all. */
function nearness(typed: string, rowId: string): number | undefined {
  const wanted = typed.toLowerCase();
  const id = rowId.toLowerCase();
  if (wanted === '' || id === '') return undefined;
  if (id === wanted || id === wanted.replace(/\.(png|jpe?g|webp)$/, '')) return 0;
  if (id.startsWith(wanted)) return 1;
  if (id.includes(wanted) || wanted.includes(id)) return 2;
  const half = wanted.slice(0, Math.ceil(wanted.length / 2));
  return half.length >= 3 && id.startsWith(half) ? 3 : undefined;
}

/** Keeps the ids that are most similar to a typed text. */
export class NearRowIds {
  readonly #typed: string;
  readonly #byNearness: readonly string[][] = [[], [], [], []];

  constructor(typed: string) {
    this.#typed = typed;
  }

  consider(rowId: string): void {
    const kept = this.#byNearness[nearness(this.#typed, rowId) ?? -1];
    if (kept && kept.length < 10) kept.push(rowId);
  }

  /** The best so far, at most `count` (up to 10), best first. */
  best(count: number): readonly string[] {
    return this.#byNearness.flat().slice(0, count);
  }
}
