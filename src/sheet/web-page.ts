/** Whether a text starts as a web page or another XML document does: what servers send instead of a sheet. */
export function startsAsWebPage(start: string): boolean {
  return /^\uFEFF?\s*<(?:!doctype|html|head|body|!--|\?xml)/i.test(start.slice(0, 1000));
}
