const MAX_LENGTH = 300;
/** More of a text is not looked at: a page of a megabyte must not cost time. */
const MAX_READ = 20_000;

/** Text of the service made fit for errors, logs and files: one line, at most 300 characters, and no URL keeps its query, fragment or user, where signatures and keys live. */
export function publicText(text: string): string {
  const line = withoutUrlSecrets(text.slice(0, MAX_READ))
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= MAX_LENGTH ? line : `${characters.slice(0, MAX_LENGTH - 1).join('')}…`;
}

function withoutUrlSecrets(text: string): string {
  return text
    .replaceAll(/(https?:\/\/)[^\s/?#"'<>]*@/gi, '$1')
    .replaceAll(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1');
}

/** Whether a text of the service says that the project or model is paused. Source: the API contract, "Errors" and "Job failures". */
export function saysPaused(text: string): boolean {
  return /\bpaused\b|\bhigh load\b/i.test(text);
}
