import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { phaseReached } from '../domain/phase-reached.js';
import { NO_SAME_BYTES, SameBytesFinder, type SameBytes } from '../domain/same-bytes.js';
import { SealedCounts } from '../domain/sealed-counts.js';
import type { Tally } from '../domain/tally.js';
import {
  CARDS_PER_PAGE,
  contactSheetCard,
  contactSheetEnd,
  contactSheetStart,
} from '../report/contact-sheet.js';
import { failureColumns, failureRecord } from '../report/failure-record.js';
import { ImagesCard } from '../report/images-card.js';
import { metadataLine } from '../report/metadata-line.js';
import { BatchFile, OutcomeLine, type Report } from '../ledger/documents.js';
import { readJsonLines } from '../ledger/json-lines.js';
import {
  at,
  batchFileKey,
  contactSheetKey,
  failuresKey,
  metadataKey,
  outcomesKey,
  reportKey,
} from '../storage/layout.js';
import { withHeartbeat } from './activity-context.js';
import type { WorkerState } from './dependencies.js';
import { readDocument } from '../ledger/read-document.js';
import { refuseOlder } from './newer-run.js';
import { LedgerFiles } from '../ledger/ledger-files.js';
import { sealedRows, type SealedRow } from './sealed-rows.js';
import { bearingStorage } from './storage-fault.js';
import { storeImagesCard } from './store-images-card.js';
import type { Activities, SealInput } from './types.js';

/**
 * Writes what a finished run leaves: outcomes, metadata, failures, contact sheet, and last the report, which counts
 * what the files say and nothing else. Run again, it writes the same.
 */
export function sealActivity(state: WorkerState): Activities['seal'] {
  return (input) =>
    withHeartbeat(() =>
      bearingStorage(state, () =>
        LedgerFiles.with(state.store, input.run, (files) => seal(state, input, files)),
      ),
    );
}

async function seal(state: WorkerState, input: SealInput, files: LedgerFiles): Promise<Tally> {
  const { run } = input;
  const batchText = await state.store.readText(at(run, batchFileKey(run)));
  const batch = BatchFile.parse(JSON.parse(batchText));
  refuseOlder(run, batch);
  // Temporal's clock, as of all other times that are told: this machine's may be wrong.
  const sealedAt = new Date(Context.current().info.scheduledTimestampMs).toISOString();
  const outcomes = files.open();
  const metadata = files.open();
  const failures = files.openCsv();
  const contactSheet = new ContactSheet(files, input, sealedAt);
  const counts = new SealedCounts(batch.rejected);
  const sameBytes = new SameBytesFinder();
  const card = new ImagesCard(batch.labelColumns);
  for await (const sealed of sealedRows(state, input)) {
    const { row, outcome } = sealed;
    counts.add(outcome);
    sameBytes.note(outcome);
    await outcomes.add({ ...outcome, phase: phaseReached(outcome) });
    const { end } = outcome;
    if (end.kind === 'stored') {
      card.add(row, end);
      await metadata.add(metadataLine(row, end, outcome.imageKey));
    } else await failures.add(failureRecord(row, outcome));
    await contactSheet.add(sealed);
  }
  await outcomes.store(outcomesKey(run, run.runSeq), 'application/jsonl');
  // Those that follow lie where a newer run puts its own.
  const refuseIfOlder = async (): Promise<void> =>
    refuseOlder(run, await readDocument(state.store, at(run, batchFileKey(run)), BatchFile));
  await refuseIfOlder();
  await metadata.store(metadataKey(run), 'application/jsonl');
  await failures.store(failuresKey(run), failureColumns(batch), batch.delimiter);
  await contactSheet.end();
  await storeImagesCard(state.store, run, card.text(run, counts.tally));
  const report: Report = {
    format: 1,
    batchId: run.batchId,
    runSeq: run.runSeq,
    state: input.end,
    account: batch.account,
    tally: counts.tally,
    charged: counts.charged,
    sameBytes: await sameBytesOf(state, input, sameBytes),
    startedAt: input.startedAt,
    endedAt: sealedAt,
    digests: { ...batch.digests, 'batch.json': sha256Of(batchText), ...files.digests },
  };
  await refuseIfOlder();
  const body = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
  await state.store.put(at(run, reportKey(run)), body, { contentType: 'application/json' });
  return counts.tally;
}

/** Looks at the sealed outcomes once more, but only where images were found that share their bytes. */
async function sameBytesOf(
  { store }: WorkerState,
  { run }: SealInput,
  finder: SameBytesFinder,
): Promise<SameBytes> {
  if (!finder.found) return NO_SAME_BYTES;
  const key = outcomesKey(run, run.runSeq);
  return finder.collect(readJsonLines(await store.read(at(run, key)), OutcomeLine, key));
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The pages of the contact sheet, each stored as soon as it is full. */
class ContactSheet {
  readonly #files: LedgerFiles;
  readonly #input: SealInput;
  readonly #sealedAt: string;
  #file: ReturnType<LedgerFiles['open']> | undefined;
  #page = 0;
  #cards = 0;

  constructor(files: LedgerFiles, input: SealInput, sealedAt: string) {
    this.#files = files;
    this.#input = input;
    this.#sealedAt = sealedAt;
  }

  async add({ row, outcome }: SealedRow): Promise<void> {
    this.#file ??= await this.#openPage();
    await this.#file.write(contactSheetCard(row, outcome, this.#page));
    this.#cards += 1;
    if (this.#cards === CARDS_PER_PAGE) await this.#storePage();
  }

  /** Stores the last page; a batch without rows has one empty page. */
  async end(): Promise<void> {
    if (this.#page === 0) this.#file = await this.#openPage();
    if (this.#file) await this.#storePage();
  }

  async #openPage(): Promise<ReturnType<LedgerFiles['open']>> {
    this.#page += 1;
    this.#cards = 0;
    const file = this.#files.open();
    await file.write(contactSheetStart(this.#pageFacts()));
    return file;
  }

  async #storePage(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.write(contactSheetEnd(this.#pageFacts()));
    await file?.store(contactSheetKey(this.#input.run, this.#page), 'text/html; charset=utf-8');
  }

  #pageFacts(): Parameters<typeof contactSheetStart>[0] {
    const { run, tally } = this.#input;
    const cards = tally.total - tally.rejected;
    const pages = Math.max(1, Math.ceil(cards / CARDS_PER_PAGE));
    return { batchId: run.batchId, page: this.#page, pages, tally, sealedAt: this.#sealedAt };
  }
}
