const LONGEST = 300;
/** A shorter run of a prompt's beginning may be there by chance. */
const SHORTEST_QUOTE = 24;

/**
 * The service's words, fit for history: on one line, at most `longest` characters (300), without URLs and without the
 * prompt, even where only its beginning is quoted.
 */
export function withoutPrompt(message: string, prompt: string, longest = LONGEST): string {
  return withoutQuotes(oneLine(message), oneLine(prompt))
    .replaceAll(/https?:\/\/\S+/g, '<url>')
    .slice(0, longest);
}

function withoutQuotes(message: string, prompt: string): string {
  if (prompt.length < 4) return message;
  const beginning = prompt.slice(0, SHORTEST_QUOTE);
  let text = message;
  for (let at = text.indexOf(beginning); at >= 0; at = text.indexOf(beginning, at + 1)) {
    let length = beginning.length;
    while (length < prompt.length && text[at + length] === prompt[length]) length += 1;
    text = `${text.slice(0, at)}<prompt>${text.slice(at + length)}`;
  }
  return text;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
