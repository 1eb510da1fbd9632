import type { SameBytes } from '../../domain/images/same-bytes.js';
import { withLocalCopies, type Fetch } from '../files/local-copies.js';
import {
  batchRoot,
  failuresKey,
  imagesPrefix,
  metadataKey,
  outcomesKey,
  rejectsKey,
} from '../../storage/layout.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { countDifferences, type Differences } from './difference.js';
import type { Seal } from './newest-seal.js';
import { indexSealedRows, type SealedRowsIndex } from './sealed-rows-index.js';
import { listPlaces } from './stray-objects.js';
import { verifyFiles, type SealedFiles } from './verify-files.js';
import { verifyImages } from './verify-images.js';
import { verifyFailures, verifyMetadata, verifyRejects } from './verify-rows.js';

/** What was checked. */
export interface Checked {
  /** Files whose digests were compared. */
  readonly files: number;
  readonly rows: number;
  readonly metadataLines: number;
  readonly failures: number;
  readonly images: number;
  /** Bytes of images that were read and hashed. */
  readonly imageBytes: number;
  /** Objects listed; 0 if a newer, unsealed run may own some. */
  readonly objects: number;
}

/** What is being checked, as progress for users; `total` if known. */
export interface VerifyProgress {
  readonly what: 'files' | 'rows' | 'lines' | 'images' | 'objects';
  readonly done: number;
  readonly total?: number;
}

export interface VerifyInput {
  readonly store: ObjectStore;
  readonly seal: Seal;
  /** Read and hash all images, instead of requesting only their heads. */
  readonly deep: boolean;
  /** Collects the differences. */
  readonly differences: Differences;
  readonly onProgress: (progress: VerifyProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Compares the bucket with a seal: files with their digests, counts with outcomes, outcomes with metadata, failures
 * and images, and all objects of the batch with those of the seal. Changes nothing. Memory: some 150 bytes a row; the
 * ledger's files are on the local disk meanwhile. Throws `StorageError`, or the reason of an aborted `signal`.
 */
export async function verifyBatch(
  input: VerifyInput,
): Promise<{ readonly checked: Checked; readonly sameBytes: SameBytes | undefined }> {
  return withLocalCopies(input.store, input.signal, (fetch) => verify(input, fetch));
}

async function verify(input: VerifyInput, fetch: Fetch): ReturnType<typeof verifyBatch> {
  const { store, seal, differences, onProgress, signal } = input;
  const { run, report } = seal;
  const onFile = (done: number, all: number): void => onProgress({ what: 'files', done, total: all });
  const files = await verifyFiles({ store, seal, fetch, differences, onFile, signal });
  const checked: Checked = {
    files: files.files,
    rows: 0,
    metadataLines: 0,
    failures: 0,
    images: 0,
    imageBytes: 0,
    objects: 0,
  };
  if (!files.outcomes) return { checked, sameBytes: undefined };
  const rejected = files.batch?.rejected ?? report.tally.rejected;
  const key = below(seal, outcomesKey(run, run.runSeq));
  const total = report.tally.total - report.tally.rejected;
  const onRow = (done: number): void => onProgress({ what: 'rows', done, total });
  const index = await indexSealedRows(files.outcomes, key, rejected, differences, onRow);
  differences.add(...countDifferences(report, index.counts, index.sameBytes));
  const listed = await verifyListings(input, files, index);
  const images = await countImages(input, index);
  const objects = seal.newestRunSeq > run.runSeq ? 0 : await countObjects(input, index);
  const { rows, sameBytes } = index;
  return { checked: { ...checked, rows, ...listed, ...images, objects }, sameBytes };
}

async function verifyListings(
  { seal, differences, onProgress }: VerifyInput,
  { batch, metadata, failures, rejects }: SealedFiles,
  index: SealedRowsIndex,
): Promise<Pick<Checked, 'metadataLines' | 'failures'>> {
  const { run } = seal;
  let lines = 0;
  const total = index.rows;
  const onLine = (): void => onProgress({ what: 'lines', done: (lines += 1), total });
  const images = {
    key: below(seal, metadataKey(run)),
    imagesFolder: below(seal, imagesPrefix(run)),
  };
  const metadataLines = metadata ? await verifyMetadata(metadata, images, index, differences, onLine) : 0;
  const failed = failures
    ? await verifyFailures(failures, below(seal, failuresKey(run)), index, differences, onLine)
    : 0;
  if (rejects && batch) {
    const { delimiter, rejected } = batch;
    await verifyRejects(rejects, { key: below(seal, rejectsKey(run)), delimiter, rejected }, differences);
  }
  return { metadataLines, failures: failed };
}

async function countImages(
  { store, seal, deep, differences, onProgress, signal }: VerifyInput,
  index: SealedRowsIndex,
): Promise<Pick<Checked, 'images' | 'imageBytes'>> {
  let [images, imageBytes] = [0, 0];
  for await (const image of verifyImages(store, seal, index, { deep, signal })) {
    images += 1;
    imageBytes += image.readBytes;
    differences.add(...image.differences);
    onProgress({ what: 'images', done: images, total: index.stored });
  }
  return { images, imageBytes };
}

async function countObjects(
  { store, seal, differences, onProgress, signal }: VerifyInput,
  index: SealedRowsIndex,
): Promise<number> {
  let objects = 0;
  for await (const { key, sizeBytes, stray } of listPlaces(store, seal, index, signal)) {
    objects += 1;
    if (stray && stray !== 'spare-thumbnail')
      differences.add({ kind: stray, key, found: `${sizeBytes} bytes` });
    onProgress({ what: 'objects', done: objects });
  }
  return objects;
}

function below({ run }: Seal, key: string): string {
  return key.slice(batchRoot(run).length);
}
