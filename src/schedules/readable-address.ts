/** The kind of a schedule's sheet: bytes to keep, or an address to read at each run of the schedule. */
export type SheetPlace =
  | { readonly kind: 'bytes' }
  | { readonly kind: 'address'; readonly address: string }
  /** Why it cannot be read at each run: the rest of a sentence that names it. */
  | { readonly kind: 'problem'; readonly problem: string };

/** An address that is read at each run is stored in full, so it must hold no secret, and must not expire. */
export function sheetPlace(given: string): SheetPlace {
  if (/^s3:\/\//i.test(given)) return { kind: 'address', address: given };
  if (!/^https?:\/\//i.test(given)) return { kind: 'bytes' };
  if (!URL.canParse(given))
    return { kind: 'problem', problem: 'is not an address: expected https://host/path' };
  const url = new URL(given);
  if (url.username !== '' || url.password !== '') {
    return {
      kind: 'problem',
      problem: `contains a user and password, which would be kept in the bucket. ${INSTEAD}`,
    };
  }
  const secret = [...url.searchParams.keys()].find((name) => SECRET_PARAMETER.test(name));
  if (secret !== undefined) {
    return {
      kind: 'problem',
      problem: `contains "${secret}": such an address is secret or expires, and it would be kept in the bucket. ${INSTEAD}`,
    };
  }
  return { kind: 'address', address: given };
}

const INSTEAD =
  'Use an s3:// object that the workers may read, or a link that anyone who has it may open; or download the sheet and name the file';

/** Presigned URLs of AWS, Google and Azure, and the usual names of tokens. */
const SECRET_PARAMETER =
  /^(?:x-(?:amz|goog)-.*|awsaccesskeyid|googleaccessid|signature|sig|(?:access|auth|api|id|private|security)[_-]?(?:token|key)|token|auth|password|passwd|secret)$/i;
