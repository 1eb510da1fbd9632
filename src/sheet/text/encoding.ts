import { TextDecoder } from 'node:util';
import { HALF } from './half-characters.js';
import type { UnitLayout } from './line-breaks.js';
import { SheetError } from '../sheet-error.js';

/**
 * Decodes bytes that end at a character's end; throws a TypeError if they are not valid in this encoding. Lone
 * surrogates are no error: the text contains a surrogate in their place.
 */
export interface StrictDecoder {
  /** Name in the WHATWG encoding standard, in lower case. */
  readonly encoding: string;
  readonly layout: UnitLayout;
  readonly decode: (bytes: Uint8Array) => string;
}

/** The encoding of a byte-order mark and the mark's length; undefined without one. */
export function byteOrderMark(start: Uint8Array): { encoding: string; sizeBytes: number } | undefined {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return { encoding: 'utf-8', sizeBytes: 3 };
  if (start[0] === 0xff && start[1] === 0xfe) return { encoding: 'utf-16le', sizeBytes: 2 };
  if (start[0] === 0xfe && start[1] === 0xff) return { encoding: 'utf-16be', sizeBytes: 2 };
  return undefined;
}

/** The decoder for a label such as `windows-1252`; throws SheetError `unknown-encoding`. */
export function strictDecoder(label: string, sheet: string): StrictDecoder {
  const decoder = textDecoder(label, sheet);
  const { encoding } = decoder;
  const layout = encoding === 'utf-16le' || encoding === 'utf-16be' ? encoding : 'byte';
  // Node's own decoder reads 0x80–0x9F as control characters in 20.18.3 and later (nodejs/node#56542).
  if (encoding === 'windows-1252') return { encoding, layout, decode: decodeWindows1252 };
  if (encoding === 'utf-8')
    return { encoding, layout, decode: elseWithHalves(decoder, decodeUtf8WithHalves) };
  if (layout === 'byte') return { encoding, layout, decode: (bytes) => decoder.decode(bytes) };
  return { encoding, layout, decode: elseWithHalves(decoder, decodeUtf16WithHalves) };
}

/** Only bytes that the decoder refuses are decoded again. */
function elseWithHalves(
  decoder: TextDecoder,
  decode: (bytes: Uint8Array, decoder: TextDecoder) => string,
): StrictDecoder['decode'] {
  return (bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      return decode(bytes, decoder);
    }
  };
}

/** UTF-8 with encoded surrogates (CESU-8), as some databases and programs write it. No other bytes start with 0xED and 0xA0–0xBF. */
function decodeUtf8WithHalves(bytes: Uint8Array, decoder: TextDecoder): string {
  const texts: string[] = [];
  let from = 0;
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 1)) {
    if (!isContinuation(bytes[at + 1], 0xa0) || !isContinuation(bytes[at + 2], 0x80)) continue;
    texts.push(decoder.decode(bytes.subarray(from, at)));
    from = at + 3;
  }
  texts.push(decoder.decode(bytes.subarray(from)));
  return texts.join(HALF);
}

function isContinuation(byte: number | undefined, least: number): boolean {
  return byte !== undefined && byte >= least && byte <= 0xbf;
}

function decodeUtf16WithHalves(bytes: Uint8Array, { encoding }: TextDecoder): string {
  if (bytes.length % 2 === 1) throw new TypeError('half of a UTF-16 unit');
  const units = Buffer.from(bytes);
  return (encoding === 'utf-16be' ? units.swap16() : units).toString('utf16le');
}

function textDecoder(label: string, sheet: string): TextDecoder {
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true });
  } catch {
    throw new SheetError(
      'unknown-encoding',
      { sheet },
      `unknown encoding ${JSON.stringify(label)}. Use a name such as --encoding windows-1252, iso-8859-2, shift_jis, gb18030 or utf-16le`,
    );
  }
}

/** Bytes 0x80–0x9F in order. Source: WHATWG encoding standard, index windows-1252. */
const WINDOWS_1252_HIGH = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(
      /[\u0080-\u009f]/g,
      (character) => WINDOWS_1252_HIGH[character.charCodeAt(0) - 0x80] ?? character,
    );
}
