import { byteOrderMark, strictDecoder, type StrictDecoder } from './encoding.js';
import { countLineBreaks, endOfLastLine, endOfLine } from './line-breaks.js';
import { SheetError } from '../sheet-error.js';

/** Maximum length of a line that is buffered while searching for its end. */
const MAX_LINE_BYTES = 4 << 20;

/**
 * A sheet's text in pieces that end with a line break, except the last one; without the byte-order mark.
 *
 * A byte-order mark determines the encoding, else `encoding`, else UTF-8. Decoding is strict: SheetError
 * `undecodable` names the line with the first invalid byte. Lone surrogates are left in the text, so that their
 * records can be rejected. Also throws `unknown-encoding`, `not-text` (a workbook, an archive) and `record-too-large`
 * (a line over 4 MiB). Splitting at line breaks never splits a character, since no supported encoding uses their
 * bytes inside another one.
 */
export async function* decodeSheet(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  sheet: string,
): AsyncGenerator<string, void, undefined> {
  let decoder: StrictDecoder | undefined;
  let pending = new Uint8Array();
  let line = 1;

  for await (const chunk of bytes) {
    pending = joined(pending, chunk);
    if (decoder === undefined) {
      if (pending.length < 4) continue;
      ({ decoder, rest: pending } = open(pending, encoding, sheet));
    }
    const end = endOfLastLine(pending, decoder.layout);
    if (end === 0) {
      if (pending.length > MAX_LINE_BYTES) throw lineTooLong(sheet, line);
      continue;
    }
    const text = decodeStrictly(decoder, pending.subarray(0, end), { sheet, line, explicit: encoding });
    pending = pending.subarray(end);
    line += countLineBreaks(text);
    yield text;
  }

  if (decoder === undefined) ({ decoder, rest: pending } = open(pending, encoding, sheet));
  if (pending.length > 0) yield decodeStrictly(decoder, pending, { sheet, line, explicit: encoding });
}

function joined(first: Uint8Array<ArrayBuffer>, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function open(start: Uint8Array<ArrayBuffer>, encoding: string | undefined, sheet: string) {
  refuseOtherFiles(start, sheet);
  const mark = byteOrderMark(start);
  const decoder = strictDecoder(mark?.encoding ?? encoding ?? 'utf-8', sheet);
  if (decoder.encoding === 'utf-8' && start.length > 1 && (start[0] === 0) !== (start[1] === 0)) {
    throw new SheetError(
      'undecodable',
      { sheet, line: 1 },
      `it looks like UTF-16 without a byte-order mark. Use --encoding utf-16${start[0] === 0 ? 'be' : 'le'}, or save it as UTF-8`,
    );
  }
  return { decoder, rest: start.subarray(mark?.sizeBytes ?? 0) };
}

const OTHER_FILES: readonly (readonly [signature: readonly number[], what: string, remedy: string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'an Excel workbook or a zip archive', 'Save the sheet as CSV (UTF-8)'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook', 'Save the sheet as CSV (UTF-8)'],
  [[0x1f, 0x8b], 'compressed with gzip more than once', 'Unpack it first: gunzip -k FILE'],
  [
    [0x28, 0xb5, 0x2f, 0xfd],
    'compressed with zstd',
    'Unpack it first: unzstd FILE; or compress it with gzip',
  ],
  [[0xfd, 0x37, 0x7a, 0x58], 'compressed with xz', 'Unpack it first: unxz -k FILE; or compress it with gzip'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF', 'Save the sheet as CSV (UTF-8)'],
];

function refuseOtherFiles(start: Uint8Array, sheet: string): void {
  for (const [signature, what, remedy] of OTHER_FILES) {
    if (signature.every((byte, index) => start[index] === byte)) {
      throw new SheetError('not-text', { sheet }, `it is ${what}, not a text file. ${remedy}`);
    }
  }
}

interface DecodePlace {
  readonly sheet: string;
  readonly line: number;
  readonly explicit: string | undefined;
}

function decodeStrictly(decoder: StrictDecoder, bytes: Uint8Array, place: DecodePlace): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const line = place.line + goodLines(decoder, bytes);
    const remedy =
      place.explicit === undefined && decoder.encoding === 'utf-8'
        ? 'If it comes from an older Excel, use --encoding windows-1252; otherwise save it as UTF-8'
        : 'Give the encoding it was saved in with --encoding, or save it as UTF-8';
    throw new SheetError(
      'undecodable',
      { sheet: place.sheet, line },
      `a byte here is not valid ${decoder.encoding}. ${remedy}`,
    );
  }
}

function goodLines(decoder: StrictDecoder, bytes: Uint8Array): number {
  let lines = 0;
  for (let from = 0; from < bytes.length; lines += 1) {
    const end = endOfLine(bytes, from, decoder.layout);
    try {
      decoder.decode(bytes.subarray(from, end));
    } catch {
      return lines;
    }
    from = end;
  }
  return lines;
}

function lineTooLong(sheet: string, line: number): SheetError {
  return new SheetError(
    'record-too-large',
    { sheet, line },
    `this line is longer than ${MAX_LINE_BYTES >> 20} MiB. Is it a text file with one record per line?`,
  );
}
