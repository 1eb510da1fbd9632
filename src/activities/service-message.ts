const LONGEST = 300;

/** The service's words, fit for history: on one line, at most 300 characters, without the prompt and without URLs. */
export function withoutPrompt(message: string, prompt: string): string {
  const trimmed = prompt.trim();
  const withoutIt = trimmed.length >= 4 ? message.replaceAll(trimmed, '<prompt>') : message;
  return withoutIt
    .replaceAll(/https?:\/\/\S+/g, '<url>')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST);
}
