import { SheetDownloadError } from '../../sheet/fetch/sheet-download-error.js';
import { UsageError } from '../../errors.js';
import { SheetError } from '../../sheet/index.js';
import { StorageError, type StorageErrorCode } from '../../storage/object-store.js';
import { placeText } from '../../sheet/record-place.js';

/** Why nothing comes of a firing, and trying again would not change it. The message may quote the sheet: for its record. */
export class FiringRefusal extends Error {
  override readonly name = 'FiringRefusal';
  /** The same without anything of the sheet's cells: for workflow history and notices. */
  readonly told: string;

  constructor(message: string, options: ErrorOptions & { readonly told: string }) {
    super(message, options);
    this.told = options.told;
  }
}

/** What an error that is met at a firing means. */
export type FiringFault =
  | { readonly kind: 'refused'; readonly refusal: FiringRefusal }
  /** It may go by. `told` is of a few words, and for workflow history. */
  | { readonly kind: 'passing'; readonly message: string; readonly told: string };

/** Which of a firing's steps failed: `sheet` while it was read from `label`. */
export interface FiringStep {
  readonly schedule: string;
  /** How messages name the sheet: without what may be secret. */
  readonly label: string;
}

/** What a failure at a firing means, and how it may be told. */
export function faultOf(error: unknown, { schedule, label }: FiringStep): FiringFault {
  if (error instanceof FiringRefusal) return { kind: 'refused', refusal: error };
  if (error instanceof SheetError) {
    const { line, tableRow } = error;
    const place = line === undefined ? '' : `, ${placeText({ line, tableRow })}`;
    return refused(
      error,
      `${label}: not usable as a sheet (${error.code}${place}). Details: banana-batch schedule show ${schedule}`,
    );
  }
  if (error instanceof SheetDownloadError) {
    const { message, isPassing } = error;
    return isPassing ? { kind: 'passing', message, told: message } : refused(error, message);
  }
  if (error instanceof UsageError) return refused(error, error.message);
  if (error instanceof StorageError) {
    // An object's key may be a cell of the sheet.
    const told = `The bucket ${error.ref.bucket} cannot be used (${error.code}). Details: banana-batch schedule show ${schedule}`;
    return isLasting(error.code) ? refused(error, told) : { kind: 'passing', message: error.message, told };
  }
  const name = error instanceof Error ? error.name : 'unknown';
  const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return { kind: 'passing', message, told: `Unexpected error (${name}); see the worker's log.` };
}

/** A refusal that may quote the sheet's cells, told by other words outside of the record. */
export function quoting(error: UsageError, told: string): FiringRefusal {
  return new FiringRefusal(error.message, { told, cause: error });
}

function refused(error: Error, told: string): FiringFault {
  return { kind: 'refused', refusal: new FiringRefusal(error.message, { told, cause: error }) };
}

/** Faults that a person must fix. */
function isLasting(code: StorageErrorCode): boolean {
  switch (code) {
    case 'not-found':
    case 'bucket-missing':
    case 'denied':
    case 'bad-credentials':
      return true;
    case 'precondition-failed':
    case 'unreachable':
    case 'unavailable':
    case 'corrupted':
    case 'other':
      return false;
  }
}
