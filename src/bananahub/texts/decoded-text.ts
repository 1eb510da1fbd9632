/** A text with resolved escapes; each character knows its part of the original text. */
export interface DecodedText {
  readonly characters: readonly string[];
  /** Index of the first code unit of a character in the original. */
  readonly starts: readonly number[];
  /** Index after the last one. */
  readonly ends: readonly number[];
}

/** Deeper nesting, such as percent-encoded HTML entities within JSON within JSON, is not resolved. */
const MOST_ROUNDS = 6;

const ESCAPE =
  /\\{1,16}u\{?([0-9a-f]{2,6})\}?|\\{1,16}x([0-9a-f]{2})|%u([0-9a-f]{4})|%([0-9a-f]{2})|&#x0{0,8}([0-9a-f]{1,6});?|&#0{0,8}(\d{1,7});?|&(\w{2,14});?/giy;

/** Source: the HTML standard, "Named character references", those of visible ASCII and of invisible characters. */
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  ast: '*',
  bsol: '\\',
  colon: ':',
  comma: ',',
  commat: '@',
  dollar: '$',
  equals: '=',
  excl: '!',
  grave: '`',
  gt: '>',
  hat: '^',
  lbrace: '{',
  lcub: '{',
  lowbar: '_',
  lpar: '(',
  lsqb: '[',
  lt: '<',
  midast: '*',
  num: '#',
  percnt: '%',
  period: '.',
  plus: '+',
  quest: '?',
  quot: '"',
  rbrace: '}',
  rcub: '}',
  rpar: ')',
  rsqb: ']',
  semi: ';',
  shy: '\u00ad',
  sol: '/',
  tab: '\t',
  newline: '\n',
  underbar: '_',
  verbar: '|',
  vert: '|',
  zerowidthspace: '\u200b',
  zwj: '\u200d',
  zwnj: '\u200c',
};

/** The text unchanged, then with its JSON, percent and HTML escapes resolved once, twice and so on until none is left. */
export function decodings(text: string): readonly DecodedText[] {
  const characters = text.split('');
  let last: DecodedText = {
    characters,
    starts: characters.map((_, at) => at),
    ends: characters.map((_, at) => at + 1),
  };
  const all = [last];
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const next = decodedOnce(last);
    if (next.characters.length === last.characters.length) break;
    all.push(next);
    last = next;
  }
  return all;
}

function decodedOnce({ characters, starts, ends }: DecodedText): DecodedText {
  const text = characters.join('');
  const decoded: { characters: string[]; starts: number[]; ends: number[] } = {
    characters: [],
    starts: [],
    ends: [],
  };
  for (let at = 0; at < text.length;) {
    const { character, length } = escapeAt(text, at) ?? { character: text[at] ?? '', length: 1 };
    decoded.characters.push(character);
    decoded.starts.push(starts[at] ?? 0);
    decoded.ends.push(ends[at + length - 1] ?? 0);
    at += length;
  }
  return decoded;
}

function escapeAt(
  text: string,
  at: number,
): { readonly character: string; readonly length: number } | undefined {
  const first = text[at];
  if (first !== '\\' && first !== '%' && first !== '&') return undefined;
  ESCAPE.lastIndex = at;
  const match = ESCAPE.exec(text);
  if (!match) return undefined;
  const [whole, braced, hexed, wide, percent, hexEntity, entity, named] = match;
  if (named !== undefined) {
    const character = NAMED[named.toLowerCase()];
    return character === undefined ? undefined : { character, length: whole.length };
  }
  // "\u0041" has four digits, and the characters after them are text.
  const digits = braced !== undefined && !whole.includes('{') ? braced.slice(0, 4) : braced;
  const length = whole.length - ((braced?.length ?? 0) - (digits?.length ?? 0));
  const hex = digits ?? hexed ?? wide ?? percent ?? hexEntity;
  const code = hex === undefined ? Number(entity) : Number.parseInt(hex, 16);
  // One character represents one code unit; secrets have no others.
  return { character: code <= 0xffff ? String.fromCharCode(code) : ' ', length };
}
