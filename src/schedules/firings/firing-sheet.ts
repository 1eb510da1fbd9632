import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fetchSheet, pathBaseOf, sheetAddressIn, type SheetAddress } from '../../sheet/fetch/fetch-sheet.js';
import { localSheet, type SheetFile } from '../../sheet/fetch/sheet-file.js';
import { SheetInputs, type FoundInputs, type SheetInput } from '../../sheet/fetch/sheet-inputs.js';
import { startDeadline } from '../../bananahub/http/deadline.js';
import { spanText } from '../../domain/text/span-text.js';
import { uploadedInput } from '../../domain/rows/input-image.js';
import { inputLines } from '../../ledger/input-list.js';
import { sheetLabel, type FoundInput } from '../../sheet/index.js';
import { inputImageKey } from '../../storage/layout.js';
import { StorageError, type ObjectStore, type StorageErrorCode } from '../../storage/object-store.js';
import { scheduleRoot } from '../schedule-layout.js';
import { FiringRefusal } from './firing-refusal.js';
import type { ScheduledSheet } from '../scheduled-sheet.js';

/** A schedule's sheet on the local disk, with the local images that it names. */
export type FiringSheet = SheetFile & { readonly inputs: FoundInputs };

/** Dependencies of reading a schedule's sheet. */
export interface SheetMeans {
  readonly store: ObjectStore;
  /** Lets the sheet's URL lead to private networks. */
  readonly allowPrivateAddresses: boolean;
  /** Maximum time for fetching it, however steady the transfer; absent: no limit. */
  readonly fetchMs?: number;
}

/** The name of a schedule's sheet in messages, without what may be secret in a URL. */
export function labelOf({ source }: Pick<ScheduledSheet, 'source'>): string {
  return sheetLabel(source.kind === 'pinned' ? source.name : source.address);
}

/**
 * Gives `use` the sheet of a schedule, pinned or as it is now, as a local file, which it removes afterwards. Throws
 * FiringRefusal, SheetDownloadError, StorageError, and `signal`'s reason.
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
    const name = await fetched(means, sheet, copy, signal);
    const file = await localSheet(copy, { name, signal });
    refuseChanged(sheet, file);
    return await use({ ...file, inputs: await inputsOf(means, sheet, signal) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the sheet to a file, in limited time; returns its name. */
async function fetched(
  means: SheetMeans,
  sheet: ScheduledSheet,
  copy: string,
  signal: AbortSignal,
): Promise<string> {
  const { fetchMs } = means;
  if (fetchMs === undefined) return copied(means, sheet, copy, signal);
  const deadline = startDeadline(fetchMs, signal);
  try {
    return await copied(means, sheet, copy, deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.expired()) throw error;
    const publicMessage = `${labelOf(sheet)}: fetching the sheet took more than ${spanText(fetchMs)}. Check the speed of its server, or put the sheet in s3:// and use that address.`;
    throw new FiringRefusal(publicMessage, { publicMessage, cause: error });
  } finally {
    deadline.dispose();
  }
}

async function copied(
  { store, allowPrivateAddresses }: SheetMeans,
  sheet: ScheduledSheet,
  copy: string,
  signal: AbortSignal,
): Promise<string> {
  const { source } = sheet;
  try {
    if (source.kind === 'address') {
      const access = { isTyped: false, allowPrivateAddresses };
      return await fetchSheet(addressOf(sheet, source), { copy, access, openStore: () => store, signal });
    }
    const ref = { bucket: sheet.home.bucket, key: source.key };
    await pipeline(await store.read(ref, signal), createWriteStream(copy), { signal });
    return source.name;
  } catch (error) {
    throw withoutSheet(error, sheet);
  }
}

type AddressSource = Extract<ScheduledSheet['source'], { readonly kind: 'address' }>;

function addressOf(sheet: ScheduledSheet, { address }: AddressSource): SheetAddress {
  const place = sheetAddressIn(address);
  if (place) return place;
  const publicMessage = `${labelOf(sheet)} is not the address of a sheet: expected s3://bucket/key or https://host/path.`;
  throw new FiringRefusal(publicMessage, { publicMessage });
}

function refuseChanged(
  { source, home, schedule }: ScheduledSheet,
  { sha256 }: { readonly sha256: string },
): void {
  if (source.kind !== 'pinned' || sha256 === source.sha256) return;
  const publicMessage = `The copy of the sheet that schedule "${schedule}" keeps in the bucket was changed: s3://${home.bucket}/${source.key}. Replace it with: banana-batch schedule update ${schedule} SHEET`;
  throw new FiringRefusal(publicMessage, { publicMessage });
}

async function inputsOf(
  { store }: SheetMeans,
  sheet: ScheduledSheet,
  signal: AbortSignal,
): Promise<FoundInputs> {
  const { source } = sheet;
  if (source.kind === 'pinned') return pinnedInputs(store, sheet);
  return new SheetInputs({
    base: pathBaseOf(addressOf(sheet, source)),
    openStore: async () => store,
    signal,
  });
}

/** Naming the sheet's own place is allowed: it is not a cell. */
function withoutSheet(error: unknown, sheet: ScheduledSheet): unknown {
  if (!(error instanceof StorageError)) return error;
  const why = whyNot(error.code);
  if (why === undefined) return error;
  const publicMessage = `${labelOf(sheet)}: the sheet cannot be read: ${why}.`;
  return new FiringRefusal(publicMessage, { publicMessage, cause: error });
}

function whyNot(code: StorageErrorCode): string | undefined {
  switch (code) {
    case 'not-found':
      return 'object not found';
    case 'bucket-missing':
      return 'bucket not found';
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

/** The images of a pinned sheet as they were when it was pinned; they are stored beside it. */
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
