/** Names a batch: a slug of 1–80 characters, unique within one bucket prefix. */
export type BatchId = string & { readonly brand: 'BatchId' };

/** Names a row within its batch; stable over resubmits, unique after all expansion. */
export type RowId = string & { readonly brand: 'RowId' };

/** The service's handle of one generation. */
export type JobId = string & { readonly brand: 'JobId' };

/** Lower-case hex sha256 over what decides a row's image; labels are not in it. */
export type ContentHash = string & { readonly brand: 'ContentHash' };

const BATCH_ID = /^[a-z0-9][a-z0-9._-]{0,79}$/;

/** The batch id that `text` is, or undefined where it is not one. */
export function parseBatchId(text: string): BatchId | undefined {
  return BATCH_ID.test(text) ? (text as BatchId) : undefined;
}

/** The rule a batch id keeps, for messages. */
export const BATCH_ID_RULE =
  'lower-case letters, digits, ".", "_" and "-", starting with a letter or digit, at most 80 characters';
