/** The name of a batch: a slug of 1–80 characters, unique within one bucket prefix. */
export type BatchId = string & { readonly brand: 'BatchId' };

/** The name of a row within its batch; stable across resubmits, unique after all expansion. */
export type RowId = string & { readonly brand: 'RowId' };

/** The service's id of one generation. */
export type JobId = string & { readonly brand: 'JobId' };

/** Lower-case hex sha256 over what determines a row's image, without labels. */
export type ContentHash = string & { readonly brand: 'ContentHash' };

const BATCH_ID = /^[a-z0-9][a-z0-9._-]{0,79}$/;

/** `text` as a batch id; undefined if it is not valid. */
export function parseBatchId(text: string): BatchId | undefined {
  return BATCH_ID.test(text) ? (text as BatchId) : undefined;
}

/** The rule for batch ids, for messages. */
export const BATCH_ID_RULE =
  'lower-case letters, digits, ".", "_" and "-", starting with a letter or digit, at most 80 characters';
