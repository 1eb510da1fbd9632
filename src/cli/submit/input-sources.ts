import path from 'node:path';
import { pathBaseOf, sheetAddressIn } from '../../sheet/fetch/fetch-sheet.js';
import { SheetInputs, type PathBase } from '../../sheet/fetch/sheet-inputs.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { createS3ObjectStore } from '../../storage/s3/s3-object-store.js';
import type { CommandContext } from '../terminal/command-context.js';
import { openFolderBucket } from '../terminal/engine.js';

/** Where a submission reads the input images of its sheet; `close` closes what was opened for that. */
export interface InputSources {
  readonly inputs: SheetInputs;
  /** The S3 of the configured bucket, else this folder's own, else that of the AWS variables. */
  readonly openStore: () => Promise<ObjectStore>;
  readonly close: () => Promise<void>;
}

/** Opens nothing before an object is named. `sheet` is the command's argument. */
export function inputSources(sheet: string, context: CommandContext): InputSources {
  let opened: Promise<{ readonly store: ObjectStore; readonly close: () => Promise<void> }> | undefined;
  const openStore = async (): Promise<ObjectStore> => (await (opened ??= openSources(context))).store;
  return {
    inputs: new SheetInputs({ base: pathBase(sheet, context.cwd), openStore, signal: context.interrupted }),
    openStore,
    close: async () => {
      const sources = await opened?.catch(() => undefined);
      await sources?.close();
    },
  };
}

async function openSources(
  context: CommandContext,
): Promise<{ readonly store: ObjectStore; readonly close: () => Promise<void> }> {
  const { context: found, stop } = await openFolderBucket(context);
  const store = createS3ObjectStore(found.config.bucket?.s3);
  return {
    store,
    close: async () => {
      store.close();
      await stop();
    },
  };
}

/** The base of paths in a sheet: its own folder; for standard input the current one; for an address its parent. */
function pathBase(sheet: string, cwd: string): PathBase {
  const address = sheetAddressIn(sheet);
  if (address) return pathBaseOf(address);
  return { kind: 'folder', folder: sheet === '-' ? cwd : path.dirname(path.resolve(cwd, sheet)) };
}
