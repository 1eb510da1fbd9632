/** The link from one page of the contact sheet to another; `page` counts from 1, and the first lies at the batch's root. */
export function linkToPage(from: number, page: number): string {
  if (page === 1) return linkToObject(from, 'contact-sheet.html');
  const name = `${String(page).padStart(4, '0')}.html`;
  return from === 1 ? `contact-sheet/${name}` : name;
}

/**
 * The link from a page of the contact sheet to an object of its batch, by the object's key below the batch's root.
 * Relative, so that it works wherever the batch lies, in the bucket or in a folder; not yet escaped for HTML.
 */
export function linkToObject(from: number, key: string): string {
  // Half a surrogate pair has no UTF-8 form: in the bucket too it has become U+FFFD.
  const path = key
    .replaceAll(/\p{Surrogate}/gu, '\uFFFD')
    .split('/')
    .map(encodeURIComponent)
    .join('/');
  return from === 1 ? path : `../${path}`;
}
