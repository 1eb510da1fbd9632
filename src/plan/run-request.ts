import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RunRequest } from '../ledger/documents.js';
import { inputListOf } from '../ledger/input-list.js';
import { SheetSettings } from '../sheet/index.js';
import { inputKey, type BucketFolder } from '../storage/layout.js';
import type { SheetFile } from '../sheet/fetch/sheet-file.js';

/** Key of a sheet's bytes in its batch. Keeps its extension (with the one before `.gz`), which determines the format; `csv` if it has none. */
export function sheetKeyOf(
  location: BucketFolder,
  { name, sha256 }: Pick<SheetFile, 'name' | 'sha256'>,
): string {
  const [, extension = 'csv'] =
    /\.((?:[a-z0-9]{1,8}\.(?=gz$))?[a-z0-9]{1,8})$/i.exec(path.basename(name)) ?? [];
  return inputKey(location, sha256, extension.toLowerCase());
}

/** Key of the list of the sheet's input images that are files or objects; undefined without any. */
function inputListKeyOf(location: BucketFolder, { inputs }: Pick<SheetFile, 'inputs'>): string | undefined {
  return inputs && inputListOf(location, inputs.found)?.key;
}

/** Whether a run used exactly this sheet: the same bytes, settings and input images. */
export function hasSheet(
  request: Pick<RunRequest, 'sheetKey' | 'sheet' | 'inputListKey'>,
  location: BucketFolder,
  sheet: Pick<SheetFile, 'name' | 'sha256' | 'inputs'>,
  settings: SheetSettings,
): boolean {
  return (
    request.sheetKey === sheetKeyOf(location, sheet) &&
    request.inputListKey === inputListKeyOf(location, sheet) &&
    isDeepStrictEqual(SheetSettings.parse(request.sheet), SheetSettings.parse(settings))
  );
}

/** The request of a run over a batch's own rows; `of` is that of the previous run. */
export function ledgerRequest(
  of: RunRequest,
  changes: Pick<RunRequest, 'action' | 'kinds' | 'redo' | 'rows'>,
): RunRequest {
  // A person requests this run, whoever requested the previous one.
  const { firing: _, ...before } = of;
  return { ...before, ...changes, merge: false, rebind: false };
}
