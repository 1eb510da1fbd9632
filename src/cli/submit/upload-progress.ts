import prettyBytes from 'pretty-bytes';
import { counted } from '../../domain/text/full-stop.js';
import { openLateProgress } from '../terminal/progress.js';

/** A line on stderr that counts uploaded input images. */
export function uploadProgress(stderr: NodeJS.WriteStream): {
  /** Counts one more, with its size. */
  readonly add: (sizeBytes: number) => void;
  readonly end: () => void;
} {
  const progress = openLateProgress(stderr);
  let images = 0;
  let bytes = 0;
  return {
    add: (sizeBytes) => {
      images += 1;
      bytes += sizeBytes;
      progress.show(() => `Uploading: ${counted(images, 'input image')}, ${prettyBytes(bytes)}`);
    },
    end: () => progress.end(),
  };
}
