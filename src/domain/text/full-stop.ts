/** Someone else's text as a sentence, so that another can follow: ends with a full stop unless it is already ended. */
export function asSentence(text: string): string {
  const words = text.trimEnd();
  return /[.!?…]["')\]]?$/.test(words) ? words : `${words}.`;
}

/** Someone else's text as part of a sentence, for example in brackets: without a full stop. */
export function asPart(text: string): string {
  return text.trimEnd().replace(/(?<!\.)\.$/, '');
}

/** A number with its noun: `1 image`, `12 images`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
