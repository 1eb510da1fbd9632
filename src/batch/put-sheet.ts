import { at, type BucketFolder } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { SheetFile } from '../sheet/fetch/sheet-file.js';
import { putOnce } from './put-once.js';
import { sheetKeyOf } from '../plan/run-request.js';

/** Puts a sheet's bytes into a folder unless they are there; their key. Throws StorageError. */
export async function putSheet(
  store: ObjectStore,
  folder: BucketFolder,
  sheet: SheetFile,
  signal?: AbortSignal,
): Promise<string> {
  const key = sheetKeyOf(folder, sheet);
  await putOnce(store, at(folder, key), () =>
    store.putFile(at(folder, key), sheet.path, {
      contentType: 'application/octet-stream',
      sha256: sheet.sha256,
      condition: { kind: 'absent' },
      ...(signal && { signal }),
    }),
  );
  return key;
}
