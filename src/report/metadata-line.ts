import type { RowOutcome } from '../domain/rows/outcome.js';
import { inputImagesCell, publicAddress } from '../domain/rows/input-image.js';
import { metadataLabelName } from '../domain/rows/columns.js';
import type { PromptRow } from '../domain/rows/row.js';
import type { JsonValue } from '../domain/text/json.js';
import { imageFileAt } from '../storage/layout.js';

/** A row's input images in files for publication: those in the batch by their keys below it, URLs without possibly secret parts. */
export function shownInputs(inputImages: readonly string[]): string {
  return inputImagesCell(inputImages.map(publicAddress));
}

/**
 * A stored row, whose image has a key below the batch's root, as a line of `images/train/metadata.jsonl`: what
 * Hugging Face's imagefolder reads, then the carried columns. All lines of a batch have the same columns of ours.
 */
export function metadataLine(
  row: PromptRow,
  stored: Extract<RowOutcome['end'], { kind: 'stored' }>,
  imageKey: RowOutcome['imageKey'],
  { hasInputs }: { readonly hasInputs: boolean },
): Readonly<Record<string, JsonValue>> {
  const { image } = stored;
  return {
    file_name: imageKey === undefined ? `${row.imageName}.${image.type}` : imageFileAt(imageKey),
    row_id: row.rowId,
    prompt: row.prompt,
    model: row.model,
    aspect_ratio: row.aspectRatio,
    resolution: row.resolution,
    ...(hasInputs && { input_images: shownInputs(row.inputImages) }),
    width: image.width,
    height: image.height,
    sha256: image.sha256,
    ...labelsOf(row),
  };
}

/** The carried columns of a row by their names in our files. */
export function labelsOf(row: PromptRow): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(
    Object.entries(row.labels).map(([name, value]) => [metadataLabelName(name), value]),
  );
}
