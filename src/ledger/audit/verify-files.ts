import path from 'node:path';
import { text } from 'node:stream/consumers';
import pMap from 'p-map';
import { ZodError } from 'zod';
import { uploadedInput } from '../../domain/rows/input-image.js';
import { BatchFile } from '../documents.js';
import { inputLines } from '../input-list.js';
import type { Fetch, LocalCopy } from '../files/local-copies.js';
import { hashObject, type HashedObject } from '../../storage/hash-object.js';
import {
  at,
  batchFileKey,
  batchRoot,
  contactSheetKey,
  failuresKey,
  inputImagesPrefix,
  metadataKey,
  outcomesKey,
  rejectsKey,
  reportKey,
  rowsKey,
  rowsPrefix,
  runsPrefix,
  type RunRef,
} from '../../storage/layout.js';
import { readOrFault } from '../../storage/object-fault.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { Difference, Differences } from './difference.js';
import type { Seal } from './newest-seal.js';

/** The files of a seal that are needed later, as far as they exist and are not yet a newer run's. */
export interface SealedFiles {
  /** Digests that were compared. */
  readonly files: number;
  readonly batch: BatchFile | undefined;
  readonly outcomes: LocalCopy | undefined;
  readonly metadata: LocalCopy | undefined;
  readonly failures: LocalCopy | undefined;
  readonly rejects: LocalCopy | undefined;
}

export interface VerifyFilesInput {
  readonly store: ObjectStore;
  readonly seal: Seal;
  readonly fetch: Fetch;
  readonly differences: Differences;
  /** Called for each compared file, with the count so far and the total. */
  readonly onFile: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

const READS_AT_ONCE = 8;

/** Compares every file of which a report has a digest, and the other files of the run. Throws `StorageError`. */
export async function verifyFiles(input: VerifyFilesInput): Promise<SealedFiles> {
  const { store, seal, fetch, differences, onFile, signal } = input;
  const { run, report } = seal;
  const below = (key: string): string => key.slice(batchRoot(run).length);
  const read = {
    batch: below(batchFileKey(run)),
    outcomes: below(outcomesKey(run, run.runSeq)),
    metadata: below(metadataKey(run)),
    failures: below(failuresKey(run)),
    rejects: below(rejectsKey(run)),
  };
  for (const key of [...Object.values(read), below(contactSheetKey(run))]) {
    if (report.digests[key] === undefined) differences.add({ kind: 'missing-digest', key });
  }
  const isRead = new Set<string>(Object.values(read));
  const copies = new Map<string, LocalCopy>();
  const keys = [...new Set([...Object.keys(report.digests), ...isRead])].filter(
    (key) => !mayBeNewer(key, seal, below(runsPrefix(run))),
  );
  let compared = 0;
  const checkOne = async (key: string): Promise<readonly Difference[]> => {
    const ref = at(run, `${batchRoot(run)}${key}`);
    const read = async (): Promise<HashedObject | undefined> => {
      if (!isRead.has(key)) return hashObject(store, ref, { signal });
      const copy = await fetch(ref);
      if (copy) copies.set(key, copy);
      return copy;
    };
    const reading = await readOrFault(read, { store, witness: at(run, reportKey(run)), signal });
    onFile((compared += 1), keys.length);
    if (reading.kind === 'unreadable') return [{ kind: 'unreadable', key, found: reading.reason }];
    return digestDifferences(key, report.digests[key], reading.value?.sha256);
  };
  const checked = await pMap(keys, checkOne, { concurrency: READS_AT_ONCE, signal });
  differences.add(...checked.flat());
  const batch = await parseBatch(copies.get(read.batch), read.batch, differences);
  if (batch) {
    differences.add(...batchDifferences(batch, seal));
    if (batch.runSeq === run.runSeq) differences.add(...(await missingInputs(input, batch)));
  }
  return {
    files: keys.length,
    batch: batch?.runSeq === run.runSeq ? batch : undefined,
    outcomes: copies.get(read.outcomes),
    metadata: copies.get(read.metadata),
    failures: copies.get(read.failures),
    rejects: copies.get(read.rejects),
  };
}

/** Whether an unsealed run may have overwritten a sealed file: ingest does so first, then seal. */
export function mayBeNewer(
  key: string,
  { run, newestRunSeq, isBeingReplaced }: Pick<Seal, 'run' | 'newestRunSeq' | 'isBeingReplaced'>,
  runsFolder: string,
): boolean {
  if (newestRunSeq === run.runSeq || key.startsWith(runsFolder)) return false;
  return isBeingReplaced || key === 'batch.json' || key === 'rejects.csv';
}

/** Differences from the sealed file; a file without a digest must only exist. */
export function digestDifferences(
  key: string,
  expected: string | undefined,
  found: string | undefined,
): readonly Difference[] {
  if (found === undefined) return [{ kind: 'missing-file', key }];
  if (expected === undefined || expected === found) return [];
  return [{ kind: 'changed-file', key, expected: `sha256 ${expected}`, found: `sha256 ${found}` }];
}

async function parseBatch(
  copy: LocalCopy | undefined,
  key: string,
  differences: Differences,
): Promise<BatchFile | undefined> {
  if (!copy) return undefined;
  try {
    return BatchFile.parse(JSON.parse(await text(copy.read())));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof ZodError)) throw error;
    differences.add({ kind: 'unreadable', key });
    return undefined;
  }
}

/** Differences if batch.json and report.json belong to different batches or runs, or not to this batch. */
function batchDifferences(
  batch: Pick<BatchFile, 'batchId' | 'runSeq' | 'account'>,
  { run, report }: Pick<Seal, 'run' | 'report'>,
): readonly Difference[] {
  const fields = [
    ['batch.json', 'batchId', run.batchId, batch.batchId],
    ['batch.json', 'runSeq', report.runSeq, batch.runSeq],
    ['batch.json', 'account', report.account, batch.account],
    ['report.json', 'batchId', run.batchId, report.batchId],
  ] as const;
  return fields
    .filter(([, , expected, found]) => expected !== found)
    .map(([key, field, expected, found]) => ({ kind: 'wrong-field', key, field, expected, found }));
}

/** Missing input images, whose keys contain their digests, according to the run's list. */
async function missingImages(
  { store, run, signal }: { readonly store: ObjectStore; readonly run: RunRef; readonly signal: AbortSignal },
  { inputListKey }: BatchFile['sheet'],
): Promise<readonly Difference[]> {
  if (inputListKey === undefined) return [];
  const below = (key: string): string => key.slice(batchRoot(run).length);
  if (!(await store.head(at(run, inputListKey), signal))) {
    return [{ kind: 'missing-file', key: below(inputListKey) }];
  }
  const present = new Set<string>();
  for await (const { key } of store.list(run.bucket, inputImagesPrefix(run), signal)) present.add(below(key));
  const missing = new Set<string>();
  for await (const { found } of inputLines(store, run, inputListKey)) {
    if (found.kind === 'image' && !present.has(uploadedInput(found))) missing.add(uploadedInput(found));
  }
  return [...missing].map((key) => ({ kind: 'missing-file', key }));
}

/** Missing inputs of a run: the sheet, whose key contains its digest, its input images, and the shards of rows. */
async function missingInputs(
  { store, seal: { run }, signal }: VerifyFilesInput,
  batch: BatchFile,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  const below = (key: string): string => key.slice(batchRoot(run).length);
  const { sheetKey } = batch.sheet;
  const sheet = await readOrFault(() => hashObject(store, at(run, sheetKey), { signal }), {
    store,
    witness: at(run, reportKey(run)),
    signal,
  });
  const [, sha256] = /^([0-9a-f]{64})\./.exec(path.posix.basename(sheetKey)) ?? [];
  if (sheet.kind === 'read')
    differences.push(...digestDifferences(below(sheetKey), sha256, sheet.value?.sha256));
  else differences.push({ kind: 'unreadable', key: below(sheetKey), found: sheet.reason });
  differences.push(...(await missingImages({ store, run, signal }, batch.sheet)));
  const shards = new Set<string>();
  for await (const { key } of store.list(run.bucket, rowsPrefix(run, run.runSeq), signal)) shards.add(key);
  for (let shard = 0; shard < batch.shardCount; shard++) {
    const key = rowsKey(run, run.runSeq, shard);
    if (!shards.has(key)) differences.push({ kind: 'missing-file', key: below(key) });
  }
  return differences;
}
