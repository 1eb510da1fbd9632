import prettyBytes from 'pretty-bytes';
import { uploadInputs } from '../batch/upload-inputs.js';
import type { BatchLocation } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { CommandContext } from './command-context.js';
import { openLateProgress } from './progress.js';
import type { GivenSheet } from './sheet-file.js';
import { counted } from './submission-plan-text.js';

/**
 * Uploads the images that a sheet names, each once, and says on stderr how far it is; the key of their list, undefined
 * where there are none. Throws as `uploadInputs` does.
 */
export async function uploadSheetInputs(
  { stderr, interrupted }: Pick<CommandContext, 'stderr' | 'interrupted'>,
  store: ObjectStore,
  location: BatchLocation,
  { inputs, openInputStore }: GivenSheet,
): Promise<string | undefined | 'interrupted'> {
  const progress = openLateProgress(stderr);
  let images = 0;
  let sizeBytes = 0;
  try {
    return await uploadInputs(store, location, inputs, {
      openSource: openInputStore,
      onPut: (putBytes) => {
        images += 1;
        sizeBytes += putBytes;
        progress.show(() => `Uploading: ${counted(images, 'input image')}, ${prettyBytes(sizeBytes)}`);
      },
      signal: interrupted,
    });
  } catch (error) {
    if (interrupted.aborted) return 'interrupted';
    throw error;
  } finally {
    progress.end();
  }
}
