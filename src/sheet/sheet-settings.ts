import { z } from 'zod';
import { MODELS, RESOLUTIONS, rulesFor } from '../domain/rows/generation-settings.js';
import { INPUT_COLUMNS } from '../domain/rows/columns.js';

const ASPECT_RATIOS = [...new Set(MODELS.flatMap((model) => rulesFor(model, 'image').aspectRatios))];

/**
 * How to read a sheet, from the command line's options. Plain JSON: it is part of a workflow's input and of
 * `batch.json`, so that reading again gives the same rows.
 */
export const SheetSettings = z.object({
  /** Detected by name and content if absent. */
  format: z.enum(['csv', 'tsv', 'jsonl']).optional(),
  /** One character, not a quote or a line break; detected if absent. */
  delimiter: z
    .string()
    .regex(/^[^"\r\n]$/u, 'a delimiter must be one character, and not a quote or a line break')
    .optional(),
  /** A label of the WHATWG encoding standard, for text that is neither UTF-8 nor has a byte-order mark. */
  encoding: z.string().min(1).optional(),
  /** Our column → the sheet's column: `--map prompt=Caption`. */
  map: z.partialRecord(z.enum(INPUT_COLUMNS), z.string().min(1)).default({}),
  /** Makes the prompt from other columns: `a {{style|plain}} photo of a {{red,green}} {{subject}}`. */
  template: z.string().min(1).optional(),
  /** Picks the choices of a template: the same seed picks the same ones on every machine. */
  seed: z.string().min(1).max(200).default('1'),
  /** Makes the image's name from columns: `{{campaign}}/{{sku}}`. */
  name: z.string().min(1).optional(),
  /** The values of `{{date}}` and `{{time}}` in prompts, templates and names; absent: they are plain text. `refused`: a row that contains them is rejected. */
  moment: z
    .union([
      z.literal('refused'),
      z.object({
        date: z.iso.date(),
        /** Hours and minutes, `02:00`. */
        time: z.iso.time({ precision: -1 }),
      }),
    ])
    .optional(),
  /** For rows without their own. */
  defaults: z
    .object({
      model: z.enum(MODELS).default('pro'),
      aspectRatio: z.enum(ASPECT_RATIOS).default('1:1'),
      /** Rows of NanoBanana are always 1K. */
      resolution: z.enum(RESOLUTIONS).default('1K'),
    })
    .prefault({}),
  /** Images of a row without a `count`. */
  imagesPerPrompt: z.int().min(1).max(1000).default(1),
  /** What happens to identical rows without ids after the first. `fail` is read like `keep`; the caller acts on it. */
  duplicates: z.enum(['keep', 'skip', 'fail']).default('keep'),
  /** One rejected record prevents the start of the whole batch; the caller acts on it. */
  strict: z.boolean().default(false),
});
export type SheetSettings = z.infer<typeof SheetSettings>;
