import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readSheet, type SheetItem, type SheetSettings } from '../index.js';
import type { FoundInputs } from './sheet-inputs.js';

/** A complete sheet on the local disk, as it was given. */
export interface SheetFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Its name as given: the extension determines the format. */
  readonly name: string;
  /** The local files and objects that it names as images; undefined for a sheet that can name none. */
  readonly inputs?: FoundInputs;
  /** Aborts every reading of it, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Its bytes, from the start. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A local file as a sheet; reads it once for its sha256. */
export async function localSheet<Facts extends Pick<SheetFile, 'name' | 'inputs' | 'signal'>>(
  path: string,
  facts: Facts,
): Promise<Facts & SheetFile> {
  return { ...facts, path, ...(await hashFile(path)), open: () => createReadStream(path) };
}

async function hashFile(path: string): Promise<Pick<SheetFile, 'sha256' | 'sizeBytes'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** The items of a sheet, from its start. Throws as `readSheet` does. */
export function sheetItems(
  sheet: SheetFile,
  settings: SheetSettings,
): AsyncGenerator<SheetItem, void, undefined> {
  return readSheet(sheet.open(), settings, sheet);
}
