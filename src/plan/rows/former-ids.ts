import type { ContentHash } from '../../domain/rows/ids.js';
import { hasChosenName, imageNameOf } from '../../domain/images/image-name.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { formerRowId, presentRowId } from '../../domain/identity/row-id.js';

type Identity = Pick<PromptRow, 'rowId' | 'contentHash'>;

/**
 * A sheet's row under its id in the batch: derived ids of only digits got the prefix `row-` after some batches had
 * been made. With the same content it is the same row, so that its image, jobs and keys are found and nothing is
 * bought again. `contentHashOf` returns the batch's content hash of an id.
 */
export function underIdInBatch(
  row: PromptRow,
  contentHashOf: (rowId: string) => ContentHash | undefined,
): PromptRow {
  const former = formerRowId(row.rowId);
  if (former === undefined || contentHashOf(row.rowId) !== undefined) return row;
  const contentHash = contentHashOf(former);
  return contentHash === row.contentHash ? underIdOf({ rowId: former, contentHash }, row) : row;
}

/** The sheet's row for a row of the batch, by its present or former id; undefined if there is none. */
export function joiningAs<Row extends Identity>(
  known: Identity,
  joining: ReadonlyMap<string, Row>,
): Row | undefined {
  const joins = joining.get(known.rowId);
  if (joins) return joins;
  const present = presentRowId(known.rowId);
  const renamed = present === undefined ? undefined : joining.get(present);
  return renamed?.contentHash === known.contentHash ? renamed : undefined;
}

/** A sheet's row under the id of the matching row of the batch. */
export function underIdOf({ rowId }: Identity, row: PromptRow): PromptRow {
  if (row.rowId === rowId) return row;
  return { ...row, rowId, imageName: hasChosenName(row) ? row.imageName : imageNameOf(rowId) };
}
