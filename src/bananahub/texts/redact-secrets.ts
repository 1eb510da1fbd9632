import { decodings, type DecodedText } from './decoded-text.js';

/** Returns a text without the known secrets, and without the secret parts of URLs. */
export type Redact = (text: string) => string;

export interface RedactOptions {
  /** A substring of a secret of this length counts as the secret. Default 6; a shorter secret counts as a whole. */
  readonly shortestRun?: number;
}

const SHORTEST_RUN = 6;
const MARK = '[key]';

/** Substrings of encoded secrets: as many bytes as for a plain one. */
interface Wanted {
  readonly plain: RunsOf;
  readonly base64: RunsOf;
}
/** By length. */
type RunsOf = ReadonlyMap<number, ReadonlySet<string>>;

/**
 * Makes the function that removes secrets from texts of other sides. It finds them plain, in either case, between
 * invisible characters and line breaks, with JSON, percent and HTML escapes (nested too), in hex, and in base64 at
 * any alignment, also doubly encoded; also parts of them from 6 characters. The queries, fragments and users of all
 * URLs and the tokens of webhook paths are removed. Time is linear in the text's length.
 */
export function secretRedactor(
  secrets: readonly string[],
  { shortestRun = SHORTEST_RUN }: RedactOptions = {},
): Redact {
  const wanted = wantedOf(
    secrets.filter((secret) => secret !== ''),
    shortestRun,
  );
  return (text) => {
    const isHidden = new Uint8Array(text.length);
    const isSecret = new Uint8Array(text.length);
    for (const decoded of decodings(text)) {
      markUrlSecrets(decoded, isHidden);
      markRuns(decoded, wanted, isSecret);
    }
    return withoutMarked(text, isHidden, isSecret);
  };
}

function wantedOf(secrets: readonly string[], shortestRun: number): Wanted {
  const [plain, base64] = [new Map<number, Set<string>>(), new Map<number, Set<string>>()];
  for (const secret of secrets) {
    const bytes = Buffer.from(secret);
    // Apparent escapes within a secret are resolved together with the escapes around it.
    for (const { characters } of decodings(secret)) addRuns(plain, seen(characters.join('')), shortestRun);
    addRuns(plain, bytes.toString('hex'), shortestRun * 2);
    const longest = Math.ceil((shortestRun * 4) / 3);
    const variants = new Set([
      secret,
      secret.toLowerCase(),
      secret.toUpperCase(),
      encodeURIComponent(secret),
    ]);
    for (const variant of variants) {
      for (const once of base64Forms(variant)) {
        addRuns(base64, comparable(once), longest);
        for (const twice of base64Forms(once)) {
          addRuns(base64, comparable(twice), Math.ceil((longest * 4) / 3));
        }
      }
    }
  }
  return { plain, base64 };
}

function addRuns(runs: Map<number, Set<string>>, text: string, shortestRun: number): void {
  const length = Math.min(shortestRun, text.length);
  if (length === 0) return;
  const known = runs.get(length) ?? new Set();
  for (let at = 0; at + length <= text.length; at += 1) known.add(text.slice(at, at + length));
  runs.set(length, known);
}

/** The base64 characters that depend only on the text, for each alignment. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return encoded.slice(Math.ceil((offset * 8) / 6), end);
  });
}

const UNSEEN = /[\s\p{Cc}\p{Cf}\\]/gu;

/** In lower case, without invisible characters and backslashes, which only escape. */
function seen(text: string): string {
  return asciiLower(text.replaceAll(UNSEEN, ''));
}

/** Base64 of either alphabet, in lower case. */
function comparable(text: string): string {
  return asciiLower(text).replaceAll('-', '+').replaceAll('_', '/');
}

function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function markRuns(decoded: DecodedText, { plain, base64 }: Wanted, marks: Uint8Array): void {
  const places: number[] = [];
  let text = '';
  for (const [at, character] of decoded.characters.entries()) {
    const narrow = narrowed(character);
    if (/[\s\p{Cc}\p{Cf}\\]/u.test(narrow)) continue;
    places.push(at);
    text += narrow;
  }
  const lower = asciiLower(text);
  for (const [runs, searched] of [
    [plain, lower],
    [base64, comparable(lower)],
  ] as const) {
    for (const [length, known] of runs) {
      for (let at = 0; at + length <= searched.length; at += 1) {
        if (!known.has(searched.slice(at, at + length))) continue;
        const [first, last] = [places[at] ?? 0, places[at + length - 1] ?? 0];
        marks.fill(1, decoded.starts[first], decoded.ends[last]);
      }
    }
  }
}

/** Full-width forms of ASCII as ASCII. */
function narrowed(character: string): string {
  const code = character.charCodeAt(0);
  return code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : character;
}

/** The first group is kept. Lengths are limited: no text makes these slow. */
const URL_SECRETS = [
  /(https?:\/\/)[^\s/?#"'<>@]{1,1024}@/gi,
  /(https?:\/\/[^\s?#"'<>]{0,1024})[?#][^\s"'<>]*/gi,
  /(\bX-Amz-(?:Signature|Credential|Security-Token)["']?\s{0,8}[=:]\s{0,8}["']?)[^\s&"'<>]+/gi,
  /(\/v1\/[^/\s]{1,128}(?:\/\d{1,10}){4}\/)[\w-]{16,128}/g,
];

function markUrlSecrets({ characters, starts, ends }: DecodedText, marks: Uint8Array): void {
  const text = characters.join('');
  for (const pattern of URL_SECRETS) {
    for (const { 0: whole, 1: kept = '', index } of text.matchAll(pattern)) {
      marks.fill(1, starts[index + kept.length], ends[index + whole.length - 1]);
    }
  }
}

function withoutMarked(text: string, isHidden: Uint8Array, isSecret: Uint8Array): string {
  let result = '';
  let kept = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (isHidden[at] !== 1 && isSecret[at] !== 1) continue;
    result += text.slice(kept, at);
    if (isSecret[at] === 1 && (at === 0 || isSecret[at - 1] !== 1)) result += MARK;
    kept = at + 1;
  }
  return result + text.slice(kept);
}
