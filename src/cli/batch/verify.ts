import { Differences } from '../../ledger/audit/difference.js';
import { type Seal, findNewestSeal, nothingSealed } from '../../ledger/audit/newest-seal.js';
import { verifyBatch, type Checked } from '../../ledger/audit/verify-batch.js';
import { sameBytesText, type SameBytes } from '../../domain/images/same-bytes.js';
import { addressOf, type BatchLocation } from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { findBatch } from '../../starter.js';
import { withBucket, unknownBatch } from '../terminal/batch-access.js';
import { EXIT, type Command, type CommandContext } from '../terminal/command-context.js';
import { openLateProgress } from '../terminal/progress.js';
import { coloursFor } from '../watch/status-text.js';
import { tableWidth, writeText } from '../terminal/table.js';
import { differenceTable, nextSteps, progressText, summaryText, type Verification } from './verify-text.js';
import { UsageError } from '../../errors.js';

export interface VerifyOptions {
  readonly id: string;
  /** Reads and hashes all images. */
  readonly deep: boolean;
  readonly json: boolean;
  /** Maximum number of differences to list; all are counted. Default 50 in a table, 100,000 in JSON. */
  readonly limit?: number;
}

const TABLE_ROWS = 50;
const JSON_ROWS = 100_000;

/** Compares a batch's newest seal with the bucket. Needs only the bucket. Exits with 1 on any difference. */
export const verify: Command<VerifyOptions> = (context, options) =>
  withBucket(context.config, async (store, bucket) => {
    const location = await findBatch({ store, bucket }, options.id);
    const limit = options.limit ?? (options.json ? JSON_ROWS : TABLE_ROWS);
    let verification: Verification;
    try {
      verification = await verified(context, store, location, options.deep, limit);
    } catch (error) {
      if (context.interrupted.aborted) return EXIT.interrupted;
      throw error;
    }
    if (options.json) await writeText(context.stdout, `${JSON.stringify(verification)}\n`);
    else await show(context, verification);
    return verification.ok ? EXIT.ok : EXIT.incomplete;
  });

async function verified(
  { stderr, interrupted: signal }: CommandContext,
  store: ObjectStore,
  location: BatchLocation,
  deep: boolean,
  limit: number,
): Promise<Verification> {
  const differences = new Differences(limit);
  const seal = await sealOf(store, location);
  if (seal === 'unreadable') {
    differences.add({ kind: 'unreadable', key: 'report.json' });
    return verificationOf(location, undefined, deep, differences, {});
  }
  if (seal.newestRunSeq > seal.run.runSeq) stderr.write(newerRunNote(seal));
  const progress = openLateProgress(stderr);
  const { batchId } = location;
  try {
    const onProgress: Parameters<typeof verifyBatch>[0]['onProgress'] = (now) =>
      progress.show(() => progressText(batchId, now, differences.total));
    const found = await verifyBatch({ store, seal, deep, differences, onProgress, signal });
    return verificationOf(location, seal, deep, differences, found);
  } finally {
    progress.end();
  }
}

function verificationOf(
  location: BatchLocation,
  seal: Seal | undefined,
  deep: boolean,
  differences: Differences,
  { checked, sameBytes }: { readonly checked?: Checked; readonly sameBytes?: SameBytes | undefined },
): Verification {
  return {
    batchId: location.batchId,
    runSeq: seal?.run.runSeq,
    sealedAt: seal?.report.endedAt,
    newestRunSeq: seal?.newestRunSeq,
    deep,
    checked,
    ok: differences.total === 0,
    differenceCount: differences.total,
    differencesByKind: differences.byKind,
    differences: differences.kept,
    sameBytes,
    location: addressOf(location),
  };
}

function newerRunNote({ run: { batchId, runSeq }, newestRunSeq }: Seal): string {
  return `Run ${newestRunSeq} of "${batchId}" has no final report yet: the bucket is compared with the report of run ${runSeq}, without the files that run ${newestRunSeq} may have replaced or added. See its state with: banana-batch status ${batchId}\n`;
}

async function show(
  { stdout, stderr, environment }: CommandContext,
  verification: Verification,
): Promise<void> {
  const { differences, differenceCount, sameBytes, batchId } = verification;
  if (differences.length > 0) {
    const paintTitle = coloursFor(stdout, environment).bold;
    await writeText(stdout, differenceTable(differences, { width: tableWidth(stdout), paintTitle }));
    const more = differenceCount - differences.length;
    await writeText(stdout, more > 0 ? `… and ${more} more (--limit)\n\n` : '\n');
  }
  await writeText(stdout, `${summaryText(verification)}\n`);
  const note = sameBytesText(sameBytes);
  if (note) await writeText(stdout, `${note}\n`);
  for (const { sha256, rowIds } of sameBytes?.examples ?? []) {
    await writeText(stdout, `  ${sha256.slice(0, 12)}…  ${rowIds.join(', ')}\n`);
  }
  stderr.write(nextSteps(batchId, verification.differencesByKind));
}

/** The newest seal of a batch, or that its report is unreadable. Throws a UsageError if there is no batch, or no seal. */
export async function sealOf(store: ObjectStore, location: BatchLocation): Promise<Seal | 'unreadable'> {
  const search = await findNewestSeal(store, location);
  switch (search.kind) {
    case 'sealed':
      return search.seal;
    case 'unreadable':
      return 'unreadable';
    case 'unsealed':
      throw nothingSealed(location, search.newestRunSeq);
    case 'unknown-batch':
      throw unknownBatch(location);
  }
}

/** The refusal to act on a batch with an unreadable report. */
export function unreadableReport({ batchId }: BatchLocation): UsageError {
  return new UsageError(
    `report.json of batch "${batchId}" is damaged, or written by a newer version of banana-batch. Update banana-batch, or run the same sheet again, which writes the report again.`,
  );
}
