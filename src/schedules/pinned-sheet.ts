import { createHash } from 'node:crypto';
import path from 'node:path';
import { sheetAddressIn } from '../sheet/fetch/fetch-sheet.js';
import type { SheetFile } from '../sheet/fetch/sheet-file.js';
import { putOnce, putSheet } from '../plan/start-run.js';
import { uploadInputs } from '../plan/upload-inputs.js';
import type { ScheduleName } from '../domain/batch/schedule-name.js';
import { UsageError } from '../errors.js';
import { sheetLabel } from '../sheet/index.js';
import type { HomeFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { FiringArgument } from '../workflows/protocol/firing-activities.js';
import { scheduledSheetKey, scheduleRoot } from './schedule-layout.js';
import type { ScheduledSheet } from './scheduled-sheet.js';

/**
 * Stores a sheet and its local input images in a schedule's folder, each content once. Returns the `source` of a
 * `ScheduledSheet`. `onPut` is called for each image. Throws as `uploadInputs` does.
 */
export async function pinSheet(
  store: ObjectStore,
  home: HomeFolder,
  name: ScheduleName,
  sheet: SheetFile & { readonly openInputStore: () => Promise<ObjectStore> },
  { onPut, signal }: { readonly onPut: (sizeBytes: number) => void; readonly signal: AbortSignal },
): Promise<Extract<ScheduledSheet['source'], { readonly kind: 'pinned' }>> {
  const folder = { bucket: home.bucket, root: scheduleRoot(home, name) };
  const inputListKey =
    sheet.inputs &&
    (await uploadInputs(store, folder, sheet.inputs, { openSource: sheet.openInputStore, onPut, signal }));
  const key = await putSheet(store, folder, sheet, signal);
  return {
    kind: 'pinned',
    key,
    sha256: sheet.sha256,
    name: path.basename(sheet.name),
    ...(inputListKey !== undefined && { inputListKey }),
  };
}

/**
 * Stores what a schedule's runs are to do in the bucket, each content once. Returns the argument for Temporal. Throws
 * a UsageError for a URL with a password, which must not be stored.
 */
export async function putScheduledSheet(store: ObjectStore, sheet: ScheduledSheet): Promise<FiringArgument> {
  const { schedule, home, source } = sheet;
  if (source.kind === 'address') refusePassword(source.address);
  const body = Buffer.from(`${JSON.stringify(sheet)}\n`);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const sheetKey = scheduledSheetKey(home, schedule, sha256);
  const ref = { bucket: home.bucket, key: sheetKey };
  await putOnce(store, ref, () =>
    store.put(ref, body, { contentType: 'application/json', sha256, condition: { kind: 'absent' } }),
  );
  return { format: 1, schedule, home, sheetKey };
}

function refusePassword(text: string): void {
  const address = sheetAddressIn(text);
  if (address?.kind !== 'web' || address.url.username + address.url.password === '') return;
  throw new UsageError(
    `${sheetLabel(text)} has a user and password, which a schedule would keep in the bucket. Share the sheet by a link that needs none, or put it in s3://.`,
  );
}
