/** Words of someone else as a sentence of ours, so that another can follow: with a full stop, unless something ends it. */
export function asSentence(text: string): string {
  const words = text.trimEnd();
  return /[.!?…]["')\]]?$/.test(words) ? words : `${words}.`;
}

/** Words of someone else as a part of a sentence of ours, for example in brackets: without a full stop. */
export function asPart(text: string): string {
  return text.trimEnd().replace(/(?<!\.)\.$/, '');
}

/** A number with its noun: `1 image`, `12 images`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
