import { SheetDownloadError } from '../../sheet/fetch/sheet-download-error.js';
import { UsageError } from '../../errors.js';
import { SheetError } from '../../sheet/index.js';
import { StorageError, type StorageErrorCode } from '../../storage/object-store.js';
import { placeText } from '../../sheet/record-place.js';

/** Why a run of the schedule buys nothing and a retry would not help. The message may quote the sheet and is meant for the record. */
export class FiringRefusal extends Error {
  override readonly name = 'FiringRefusal';
  /** The same without any content of the sheet's cells: for workflow history and notices. */
  readonly publicMessage: string;

  constructor(message: string, options: ErrorOptions & { readonly publicMessage: string }) {
    super(message, options);
    this.publicMessage = options.publicMessage;
  }
}

/** The meaning of an error in a run of the schedule. */
export type FiringFault =
  | { readonly kind: 'refused'; readonly refusal: FiringRefusal }
  /** Temporary. `publicMessage` is short, and for workflow history. */
  | { readonly kind: 'passing'; readonly message: string; readonly publicMessage: string };

/** Which step of a run of the schedule failed; `sheet` while it was read from `label`. */
export interface FiringStep {
  readonly schedule: string;
  /** The sheet's name in messages, without what may be secret. */
  readonly label: string;
}

/** The meaning of a failure in a run of the schedule, and how to report it. */
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
    return isPassing ? { kind: 'passing', message, publicMessage: message } : refused(error, message);
  }
  if (error instanceof UsageError) return refused(error, error.message);
  if (error instanceof StorageError) {
    // An object's key may be a cell of the sheet.
    const publicMessage = `The bucket ${error.ref.bucket} cannot be used (${error.code}). Details: banana-batch schedule show ${schedule}`;
    return isLasting(error.code)
      ? refused(error, publicMessage)
      : { kind: 'passing', message: error.message, publicMessage };
  }
  const name = error instanceof Error ? error.name : 'unknown';
  const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return { kind: 'passing', message, publicMessage: `Unexpected error (${name}); see the worker's log.` };
}

/** A refusal that may quote the sheet's cells, with another text outside of the record. */
export function quoting(error: UsageError, publicMessage: string): FiringRefusal {
  return new FiringRefusal(error.message, { publicMessage, cause: error });
}

function refused(error: Error, publicMessage: string): FiringFault {
  return { kind: 'refused', refusal: new FiringRefusal(error.message, { publicMessage, cause: error }) };
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
