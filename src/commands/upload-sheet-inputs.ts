import prettyBytes from 'pretty-bytes';
import { uploadInputs } from '../batch/upload-inputs.js';
import type { BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { CommandContext } from './command-context.js';
import { openLateProgress } from './progress.js';
import type { GivenSheet } from './sheet-file.js';
import { counted } from '../domain/counted.js';

/** What became of an upload; `inputListKey` is the key of the images' list, undefined where there are none. */
export type Uploaded =
  | { readonly kind: 'uploaded'; readonly inputListKey: string | undefined }
  | { readonly kind: 'interrupted' };

/**
 * Uploads the images that a sheet names, each once, and says on stderr how far it is. Throws as `uploadInputs` does.
 */
export async function uploadSheetInputs(
  { stderr, interrupted }: Pick<CommandContext, 'stderr' | 'interrupted'>,
  store: ObjectStore,
  location: BatchLocation,
  { inputs, openInputStore }: GivenSheet,
): Promise<Uploaded> {
  const progress = openLateProgress(stderr);
  let images = 0;
  let sizeBytes = 0;
  try {
    const inputListKey = await uploadInputs(store, location, inputs, {
      openSource: openInputStore,
      onPut: (putBytes) => {
        images += 1;
        sizeBytes += putBytes;
        progress.show(() => `Uploading: ${counted(images, 'input image')}, ${prettyBytes(sizeBytes)}`);
      },
      signal: interrupted,
    });
    return { kind: 'uploaded', inputListKey };
  } catch (error) {
    if (interrupted.aborted) return { kind: 'interrupted' };
    throw error;
  } finally {
    progress.end();
  }
}
