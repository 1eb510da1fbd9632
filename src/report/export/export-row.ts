import { z } from 'zod';
import type { JsonValue } from '../../domain/text/json.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import type { PromptRow } from '../../domain/rows/row.js';
import { shownInputs } from '../metadata-line.js';
import { imageFileAt } from '../../storage/layout.js';

const json: z.ZodType<JsonValue> = z.json();

/** The part of a stored row that an export needs; a line of the temporary file. */
export const ExportRow = z.object({
  position: z.int().min(0),
  rowId: z.string(),
  /** Below the batch. */
  imageKey: z.string(),
  /** The image's name in metadata.jsonl. */
  fileName: z.string(),
  image: z.object({
    type: z.enum(['png', 'jpg', 'webp']),
    width: z.int(),
    height: z.int(),
    sizeBytes: z.int().min(0),
    sha256: z.string(),
  }),
  prompt: z.string(),
  model: z.string(),
  aspectRatio: z.string(),
  resolution: z.string(),
  /** As in metadata.jsonl; absent without any. */
  inputImages: z.string().exactOptional(),
  labels: z.record(z.string(), json),
});
export type ExportRow = z.infer<typeof ExportRow>;

/** The export row for a row and its outcome; undefined without an image. */
export function exportRowOf(row: PromptRow, outcome: RowOutcome): ExportRow | undefined {
  const { end, imageKey } = outcome;
  if (end.kind !== 'stored') return undefined;
  if (imageKey === undefined)
    throw new Error(`The sealed outcome at position ${outcome.position} is stored, and names no image.`);
  const { position, rowId, prompt, model, aspectRatio, resolution, labels } = row;
  return {
    position,
    rowId,
    imageKey,
    fileName: imageFileAt(imageKey),
    image: end.image,
    prompt,
    model,
    aspectRatio,
    resolution,
    ...(row.inputImages.length > 0 && { inputImages: shownInputs(row.inputImages) }),
    labels,
  };
}
