import path from 'node:path';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { ShardRow } from '../../domain/rows/row.js';
import type { Tally } from '../../domain/batch/tally.js';
import type { LedgerFiles } from '../../ledger/files/ledger-files.js';
import { FacetCollector } from '../../report/contact-sheet/facets.js';
import { contactSheetRow, type ContactSheetRow } from '../../report/contact-sheet/row.js';
import {
  contactSheetFile,
  contactSheetPage,
  facetFile,
  ROWS_WITHOUT_SCRIPT,
  type AlikeList,
} from '../../report/contact-sheet/contact-sheet.js';
import {
  batchRoot,
  canaryPageFolder,
  canaryPageKey,
  contactSheetFolder,
  contactSheetKey,
  type RunRef,
} from '../../storage/layout.js';

const LEAST_CHUNK_ROWS = 200;
/** The report has a digest of each chunk, so their number is limited for any length of batch. */
const MOST_CHUNKS = 1000;
const PUTS_AT_ONCE = 8;

/** Rows with similar images, in the order in which they are shown together; up to 20,000. */
export interface AlikeRows extends AlikeList {
  readonly positions: readonly number[];
  /** For each of these rows: its group, and the number of bits by which it differs from the nearest of its group. */
  readonly groups: readonly number[];
  readonly bits: readonly number[];
}

/** The contact sheet of a seal or a canary: its rows in small files, each stored as soon as it is full, and finally the page itself. */
export class ContactSheetFiles {
  readonly #files: LedgerFiles;
  readonly #run: RunRef;
  readonly #tally: Tally;
  readonly #chunkRows: number;
  readonly #pageKey: string;
  readonly #folder: string;
  readonly #columns = new Map<string, number>();
  readonly #facets = new FacetCollector();
  readonly #firstRows: ContactSheetRow[] = [];
  readonly #puts: Promise<void>[] = [];
  #chunk: ContactSheetRow[] = [];
  #chunks = 0;
  #rows = 0;

  constructor(files: LedgerFiles, run: RunRef, tally: Tally, of: 'seal' | 'canary' = 'seal') {
    const isSeal = of === 'seal';
    this.#pageKey = isSeal ? contactSheetKey(run) : canaryPageKey(run, run.runSeq);
    this.#folder = isSeal ? contactSheetFolder(run) : canaryPageFolder(run, run.runSeq);
    this.#files = files;
    this.#run = run;
    this.#tally = tally;
    const rows = tally.total - tally.rejected;
    this.#chunkRows = Math.max(LEAST_CHUNK_ROWS, Math.ceil(rows / MOST_CHUNKS));
  }

  async add(row: ShardRow, outcome: RowOutcome): Promise<void> {
    const shown = contactSheetRow(row, outcome, (name) => this.#columnOf(name));
    this.#facets.add(row, outcome);
    if (this.#firstRows.length < ROWS_WITHOUT_SCRIPT) this.#firstRows.push(shown);
    this.#chunk.push(shown);
    this.#rows += 1;
    if (this.#chunk.length === this.#chunkRows) await this.#putChunk();
  }

  /** Stores the rest, and the page. `canary`: what the page of a canary shows about it. */
  async end(alike: readonly AlikeRows[], sealedAt: string, canary?: string): Promise<void> {
    if (this.#chunk.length > 0) await this.#putChunk();
    const facets = this.#facets.facets();
    for (const [at, { codes }] of facets.entries())
      await this.#put(facetFile(at), Buffer.from(codes).toString('base64'));
    for (const { name, images, ...list } of alike) if (images > 0) await this.#put(name, list);
    await Promise.all(this.#puts);
    const place = path.posix.dirname(this.#pageKey);
    const root = path.posix.relative(place, batchRoot(this.#run).slice(0, -1));
    const page = contactSheetPage({
      batchId: this.#run.batchId,
      tally: this.#tally,
      sealedAt,
      folder: `${path.posix.relative(place, this.#folder)}/`,
      root: root === '' ? '' : `${root}/`,
      ...(canary !== undefined && { canary }),
      rows: this.#rows,
      chunkRows: this.#chunkRows,
      columns: [...this.#columns.keys()],
      facets,
      alike,
      firstRows: this.#firstRows,
    });
    await this.#files.put(this.#pageKey, page, 'text/html; charset=utf-8');
  }

  #columnOf(name: string): number {
    const known = this.#columns.get(name) ?? this.#columns.size;
    this.#columns.set(name, known);
    return known;
  }

  async #putChunk(): Promise<void> {
    const rows = this.#chunk;
    this.#chunk = [];
    await this.#put(`rows-${String(this.#chunks++).padStart(5, '0')}`, rows);
  }

  /** Starts storing a file; waits while too many are being stored. */
  async #put(name: string, data: unknown): Promise<void> {
    const key = `${this.#folder}${name}.js`;
    const put = this.#files.put(key, contactSheetFile(name, data), 'text/javascript; charset=utf-8');
    // The error is thrown at the await.
    put.catch(() => undefined);
    this.#puts.push(put);
    if (this.#puts.length > PUTS_AT_ONCE) await this.#puts.shift();
  }
}
