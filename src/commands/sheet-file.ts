import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BucketConfig } from '../config.js';
import { UsageError } from '../errors.js';
import { hashFile, type SheetFile } from '../batch/plan-submission.js';
import type { ObjectStore } from '../storage/object-store.js';
import { createS3ObjectStore } from '../storage/s3-object-store.js';

const S3_SHEET = /^s3:\/\/([^/]+)\/(.+)$/;

/**
 * Gives `use` the whole sheet as a local file, as it is now, and removes the copy afterwards. `name` is a path, `-` for
 * standard input, or `s3://bucket/key`. Throws a UsageError or StorageError where it cannot be read.
 */
export async function withSheetFile<T>(
  name: string,
  source: { readonly cwd: string; readonly stdin: Readable; readonly bucket: BucketConfig | undefined },
  use: (sheet: SheetFile) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-sheet-'));
  try {
    const copy = path.join(folder, 'sheet');
    await copySheet(name, source, copy);
    return await use({ path: copy, name, ...(await hashFile(copy)) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copySheet(
  name: string,
  source: Parameters<typeof withSheetFile>[1],
  copy: string,
): Promise<void> {
  if (name === '-') {
    if ('isTTY' in source.stdin && source.stdin.isTTY) {
      throw new UsageError(
        '"-" reads the sheet from standard input, and that is this terminal: pipe a sheet in, or name a file.',
      );
    }
    await pipeline(source.stdin, createWriteStream(copy));
    return;
  }
  const [, bucket, key] = S3_SHEET.exec(name) ?? [];
  if (bucket && key) {
    await withStore(source.bucket, async (store) => {
      await pipeline(await store.read({ bucket, key }), createWriteStream(copy));
    });
    return;
  }
  if (/^https?:\/\//i.test(name)) {
    throw new UsageError(
      `${name.replace(/[?#].*$/, '')}: sheets behind https:// are not supported yet. Download it, or pipe it in: curl … | banana-batch submit - --id NAME`,
    );
  }
  if (name.startsWith('s3://')) throw new UsageError(`${name}: expected s3://bucket/key.`);
  await copyLocal(path.resolve(source.cwd, name), name, copy);
}

async function withStore(
  bucket: BucketConfig | undefined,
  use: (store: ObjectStore) => Promise<void>,
): Promise<void> {
  const store = createS3ObjectStore(bucket?.s3);
  try {
    await use(store);
  } finally {
    store.close();
  }
}

async function copyLocal(file: string, name: string, copy: string): Promise<void> {
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) throw new UsageError(`${name} is a folder; name a sheet in it.`);
    await pipeline(createReadStream(file), createWriteStream(copy));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    switch (code) {
      case 'ENOENT':
        throw new UsageError(
          `${name} does not exist. Check the path, or try: banana-batch run examples/prompts.csv`,
        );
      case 'EACCES':
      case 'EPERM':
        throw new UsageError(`${name} may not be read by this user. Check its permissions.`);
      default:
        throw new UsageError(`${name} cannot be read (${String(code ?? error)}).`, { cause: error });
    }
  }
}
