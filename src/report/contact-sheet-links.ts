/**
 * The link from a contact sheet to an object of its batch, by the object's key below the batch's root. Relative, so that
 * it works wherever the batch lies, in the bucket or in a folder; not yet escaped for HTML.
 */
export function linkToObject(key: string): string {
  // Half a surrogate pair has no UTF-8 form: in the bucket too it has become U+FFFD.
  return key
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
}
