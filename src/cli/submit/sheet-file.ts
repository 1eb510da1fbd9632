import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import prettyBytes from 'pretty-bytes';
import { InterruptedError, UsageError } from '../../errors.js';
import { fetchSheet, sheetAddressIn, type SheetAddress } from '../../sheet/fetch/fetch-sheet.js';
import { localSheet, type SheetFile } from '../../sheet/fetch/sheet-file.js';
import type { SheetInputs } from '../../sheet/fetch/sheet-inputs.js';
import { sheetLabel } from '../../sheet/index.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';
import type { CommandContext } from '../terminal/command-context.js';
import { inputSources } from './input-sources.js';
import { openLateProgress } from '../terminal/progress.js';

/** A sheet with its local input images, and the S3 from which input images that are objects are read. */
export interface GivenSheet extends SheetFile {
  readonly inputs: SheetInputs;
  readonly openInputStore: () => Promise<ObjectStore>;
}

/**
 * Gives `use` the whole present sheet as a local file, and removes the copy afterwards. `name` is a path, `-` for
 * standard input, `s3://bucket/key`, or an http(s) URL, whose user and query do not become part of the file's name.
 * Throws a UsageError or StorageError if it cannot be read, and an InterruptedError.
 */
export async function withSheetFile<T>(
  name: string,
  context: CommandContext,
  use: (sheet: GivenSheet) => Promise<T>,
): Promise<T> {
  const { inputs, openStore, close } = inputSources(name, context);
  const folder = await mkdtemp(path.join(tmpdir(), 'banana-batch-sheet-'));
  try {
    const copy = path.join(folder, 'sheet');
    const copied = await copySheet(name, context, copy);
    return await use(
      await localSheet(copy, {
        name: copied,
        inputs,
        signal: context.interrupted,
        openInputStore: openStore,
      }),
    );
  } finally {
    await close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies the sheet; returns the name used for it from then on. */
async function copySheet(name: string, context: CommandContext, copy: string): Promise<string> {
  const { stdin, cwd } = context;
  const address = sheetAddressIn(name);
  if (address) return copyFrom(address, sheetLabel(name), context, copy);
  if (name === '-') {
    if (stdin.isTTY) {
      throw new UsageError(
        '"-" reads the sheet from standard input, which is this terminal: pipe a sheet in, or name a file.',
      );
    }
    await pipeline(stdin, createWriteStream(copy));
    return name;
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) {
    throw new UsageError(
      `${sheetLabel(name)}: sheets can be read from a path, "-", s3://bucket/key or https://host/path only. Download the sheet and name the file.`,
    );
  }
  await copyLocal(path.resolve(cwd, name), name, copy);
  return name;
}

async function copyFrom(
  address: SheetAddress,
  label: string,
  { config, stderr, interrupted }: CommandContext,
  copy: string,
): Promise<string> {
  const opened: ObjectStore[] = [];
  const progress = openLateProgress(stderr);
  try {
    return await fetchSheet(address, {
      copy,
      access: { isTyped: true, allowPrivateAddresses: config.allowPrivateAddresses },
      openStore: () => {
        const store = createS3ObjectStore(config.bucket?.s3);
        opened.push(store);
        return store;
      },
      signal: interrupted,
      onBytes: (received, total) =>
        progress.show(
          () =>
            `Fetching ${label}: ${prettyBytes(received)}${total === undefined ? '' : ` of ${prettyBytes(total)}`}`,
        ),
    });
  } catch (error) {
    if (interrupted.aborted) throw new InterruptedError('The download was stopped.');
    throw error;
  } finally {
    progress.end();
    for (const store of opened) store.close();
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
