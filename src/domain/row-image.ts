import { createHash } from 'node:crypto';
import type { RowId } from './rows/ids.js';
import { imageNameOf } from './object-key.js';
import type { PromptRow } from './rows/row.js';
import { formerRowId } from './identity/row-id.js';
import type { StoredIdentity } from './images/stored-identity.js';

/** Stands for a row id in an image's metadata, which takes ASCII alone and is no place for ids: 16 hex digits. */
export function rowTagOf(rowId: RowId): string {
  return createHash('sha256').update(rowId, 'utf8').digest('hex').slice(0, 16);
}

/**
 * Whether an image that lies under `name` is that of a row: of its content, and of the row itself, since rows of one
 * content may have changed their names with each other. Images of earlier versions do not tell their row: they lie
 * under the name that its id gives. An image stored under the id that the row had before counts as well.
 */
export function isImageOf(
  { contentHash, rowTag }: Pick<StoredIdentity, 'contentHash' | 'rowTag'>,
  row: Pick<PromptRow, 'rowId' | 'contentHash'>,
  name: string,
): boolean {
  if (contentHash !== row.contentHash) return false;
  const isOf = (rowId: RowId): boolean =>
    rowTag === undefined ? name === imageNameOf(rowId) : rowTag === rowTagOf(rowId);
  const former = formerRowId(row.rowId);
  return isOf(row.rowId) || (former !== undefined && isOf(former));
}
