import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import prettyBytes from 'pretty-bytes';
import type { BucketConfig } from '../config.js';
import { InterruptedError, UsageError } from '../errors.js';
import { hashFile, type SheetFile } from '../batch/plan-submission.js';
import type { SheetInputs } from '../batch/sheet-inputs.js';
import { sheetLabel } from '../sheet/index.js';
import type { ObjectStore } from '../storage/object-store.js';
import { createS3ObjectStore } from '../storage/s3-object-store.js';
import type { CommandContext } from './command-context.js';
import { downloadSheet } from './download-sheet.js';
import { inputSources } from './input-sources.js';
import { openLateProgress } from './progress.js';

const S3_SHEET = /^s3:\/\/([^/]+)\/(.+)$/;

/** A sheet with the images that it names beside itself, and the S3 where those are read that are objects. */
export interface GivenSheet extends SheetFile {
  readonly inputs: SheetInputs;
  readonly openInputStore: () => Promise<ObjectStore>;
}

/**
 * Gives `use` the whole sheet as a local file, as it is now, and removes the copy afterwards. `name` is a path, `-` for
 * standard input, `s3://bucket/key`, or an http(s) address; of an address neither user nor query goes into the name of
 * the file that is given. Throws a UsageError or StorageError where it cannot be read, and an InterruptedError.
 */
export async function withSheetFile<T>(
  name: string,
  context: CommandContext,
  use: (sheet: GivenSheet) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-sheet-'));
  const { inputs, openStore, close } = inputSources(name, context);
  try {
    const copy = path.join(folder, 'sheet');
    const copied = await copySheet(name, context, copy);
    return await use({
      path: copy,
      name: copied,
      ...(await hashFile(copy)),
      inputs,
      openInputStore: openStore,
    });
  } finally {
    await close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies the sheet; the name by which it is known from then on. */
async function copySheet(name: string, context: CommandContext, copy: string): Promise<string> {
  const { stdin, config, cwd } = context;
  if (/^https?:\/\//i.test(name)) return copyDownload(name, context, copy);
  const [, bucket, key] = S3_SHEET.exec(name) ?? [];
  if (name === '-') {
    if (stdin.isTTY) {
      throw new UsageError(
        '"-" reads the sheet from standard input, and that is this terminal: pipe a sheet in, or name a file.',
      );
    }
    await pipeline(stdin, createWriteStream(copy));
  } else if (bucket && key) {
    await withStore(config.bucket, async (store) => {
      await pipeline(await store.read({ bucket, key }), createWriteStream(copy));
    });
  } else {
    if (name.startsWith('s3://')) throw new UsageError(`${name}: expected s3://bucket/key.`);
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) {
      throw new UsageError(
        `${sheetLabel(name)}: sheets are read from a path, "-", s3://bucket/key or https://host/path, not from there. Download it and name the file.`,
      );
    }
    await copyLocal(path.resolve(cwd, name), name, copy);
  }
  return name;
}

async function copyDownload(
  address: string,
  { stderr, interrupted }: CommandContext,
  copy: string,
): Promise<string> {
  const label = sheetLabel(address);
  if (!URL.canParse(address)) throw new UsageError(`${label} is no address. Expected https://host/path.`);
  const progress = openLateProgress(stderr);
  try {
    const name = await downloadSheet({
      url: new URL(address),
      copy,
      signal: interrupted,
      onBytes: (received, total) =>
        progress.show(
          () =>
            `Fetching ${label}: ${prettyBytes(received)}${total === undefined ? '' : ` of ${prettyBytes(total)}`}`,
        ),
    });
    return name ?? label;
  } catch (error) {
    if (interrupted.aborted) throw new InterruptedError('The download was stopped.');
    throw error;
  } finally {
    progress.end();
  }
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
