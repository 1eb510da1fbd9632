import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../errors.js';
import { hasCode } from '../../report/export/shard-file.js';

/** Takes the next bytes of a file. */
export type WriteBytes = (data: string | Uint8Array) => Promise<void>;

/**
 * Writes a local file that is complete or absent: `use` writes it beside its place, and it is moved there at the end.
 * Returns the result of `use`; if that throws or returns undefined, nothing is left. Throws a UsageError if the file
 * exists, unless `overwrite` is set.
 */
export async function withOutputFile<T>(
  cwd: string,
  name: string,
  { overwrite }: { readonly overwrite: boolean },
  use: (write: WriteBytes) => Promise<T | undefined>,
): Promise<T | undefined> {
  const place = path.resolve(cwd, name);
  await refuseTaken(place, name, overwrite);
  const unfinished = path.join(
    path.dirname(place),
    `.${path.basename(place)}.${randomBytes(4).toString('hex')}`,
  );
  const file = await opened(unfinished, name);
  let isWhole = false;
  try {
    const result = await use(async (data) => {
      await file.appendFile(data);
    });
    await file.close();
    if (result === undefined) return undefined;
    await refuseTaken(place, name, overwrite);
    await rename(unfinished, place);
    isWhole = true;
    return result;
  } finally {
    await file.close();
    if (!isWhole) await rm(unfinished, { force: true });
  }
}

async function opened(unfinished: string, name: string): ReturnType<typeof open> {
  try {
    return await open(unfinished, 'wx');
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
    throw new UsageError(`Cannot write ${name}: the folder ${path.dirname(name)} does not exist.`);
  }
}

async function refuseTaken(place: string, name: string, overwrite: boolean): Promise<void> {
  let found: Awaited<ReturnType<typeof lstat>>;
  try {
    found = await lstat(place);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return;
    throw error;
  }
  if (found.isDirectory()) throw new UsageError(`Cannot write ${name}: it is a folder. Name a file in it.`);
  if (!found.isFile()) throw new UsageError(`Cannot write ${name}: it is not a regular file.`);
  if (!overwrite) {
    throw new UsageError(`${name} exists already. Replace it with --overwrite, or give another name.`);
  }
}
