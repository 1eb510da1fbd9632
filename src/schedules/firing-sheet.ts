import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fetchSheet, pathBaseOf, sheetAddressIn } from '../batch/fetch-sheet.js';
import { hashFile, type SheetFile } from '../batch/plan-submission.js';
import { SheetInputs, type FoundInputs, type SheetInput } from '../batch/sheet-inputs.js';
import { uploadedInput } from '../domain/input-image.js';
import { inputLines } from '../ledger/input-list.js';
import { sheetLabel, type FoundInput } from '../sheet/index.js';
import { inputImageKey } from '../storage/layout.js';
import { StorageError, type ObjectStore, type StorageErrorCode } from '../storage/object-store.js';
import { scheduleRoot } from '../storage/schedule-layout.js';
import { FiringRefusal } from './firing-refusal.js';
import type { ScheduledSheet } from './scheduled-sheet.js';

/** A schedule's sheet on the local disk, with the images that it names beside itself. */
export type FiringSheet = SheetFile & { readonly inputs: FoundInputs };

/** What a schedule's sheet is read with. */
export interface SheetMeans {
  readonly store: ObjectStore;
  /** Lets the sheet's address lead to private networks. */
  readonly allowPrivateAddresses: boolean;
}

/** How messages name a schedule's sheet: without what may be secret in an address. */
export function labelOf({ source }: Pick<ScheduledSheet, 'source'>): string {
  return sheetLabel(source.kind === 'pinned' ? source.name : source.address);
}

/**
 * Gives `use` the sheet of a schedule as a local file, as it was pinned or as it is now, and removes the file
 * afterwards. Throws FiringRefusal, SheetDownloadError, StorageError, and `signal`'s reason.
 */
export async function withFiringSheet<T>(
  means: SheetMeans,
  sheet: ScheduledSheet,
  signal: AbortSignal,
  use: (file: FiringSheet) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-firing-'));
  try {
    const copy = path.join(folder, 'sheet');
    return await use(await copied(means, sheet, copy, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copied(
  { store, allowPrivateAddresses }: SheetMeans,
  sheet: ScheduledSheet,
  copy: string,
  signal: AbortSignal,
): Promise<FiringSheet> {
  const { source } = sheet;
  if (source.kind === 'address') {
    const address = sheetAddressIn(source.address);
    if (!address) {
      const told = `${labelOf(sheet)} is no address of a sheet: expected s3://bucket/key or https://host/path.`;
      throw new FiringRefusal(told, { told });
    }
    const access = { isTyped: false, allowPrivateAddresses };
    const name = await fetchSheet(address, { copy, access, openStore: () => store, signal }).catch(
      (error: unknown) => {
        throw withoutSheet(error, sheet);
      },
    );
    const inputs = new SheetInputs({ base: pathBaseOf(address), openStore: async () => store, signal });
    return { path: copy, name, ...(await hashFile(copy)), inputs, signal };
  }
  const ref = { bucket: sheet.home.bucket, key: source.key };
  try {
    await pipeline(await store.read(ref, signal), createWriteStream(copy), { signal });
  } catch (error) {
    throw withoutSheet(error, sheet);
  }
  const hashed = await hashFile(copy);
  if (hashed.sha256 !== source.sha256) {
    const told = `The sheet that is pinned to schedule "${sheet.schedule}" was changed in the bucket: s3://${ref.bucket}/${ref.key}. Pin it anew: banana-batch schedule update ${sheet.schedule} SHEET`;
    throw new FiringRefusal(told, { told });
  }
  const inputs = await pinnedInputs(store, sheet);
  return { path: copy, name: source.name, ...hashed, inputs, signal };
}

/** The sheet's own place is named: it is no cell. */
function withoutSheet(error: unknown, sheet: ScheduledSheet): unknown {
  if (!(error instanceof StorageError)) return error;
  const why = whyNot(error.code);
  if (why === undefined) return error;
  const told = `${labelOf(sheet)}: the sheet cannot be read, since ${why}.`;
  return new FiringRefusal(told, { told, cause: error });
}

function whyNot(code: StorageErrorCode): string | undefined {
  switch (code) {
    case 'not-found':
      return 'there is no such object';
    case 'bucket-missing':
      return 'there is no such bucket';
    case 'denied':
      return "the workers' credentials may not read it";
    case 'bad-credentials':
      return "the workers' credentials are not accepted";
    case 'precondition-failed':
    case 'unreachable':
    case 'unavailable':
    case 'corrupted':
    case 'other':
      return undefined;
  }
}

/** The images that a pinned sheet names, as they were when it was pinned; they lie beside it. */
async function pinnedInputs(store: ObjectStore, sheet: ScheduledSheet): Promise<FoundInputs> {
  const { source, home, schedule } = sheet;
  const folder = { bucket: home.bucket, root: scheduleRoot(home, schedule) };
  const found = new Map<string, FoundInput>();
  const images = new Map<string, SheetInput>();
  const listKey = source.kind === 'pinned' ? source.inputListKey : undefined;
  if (listKey !== undefined) {
    for await (const line of inputLines(store, folder, listKey)) {
      found.set(line.reference, line.found);
      if (line.found.kind === 'broken') continue;
      const ref = { bucket: folder.bucket, key: inputImageKey(folder, uploadedInput(line.found)) };
      images.set(line.found.sha256, { image: line.found, source: { kind: 'object', ref } });
    }
  }
  return {
    prepare: async () => undefined,
    find: (reference) => found.get(reference),
    found,
    images: [...images.values()],
  };
}
