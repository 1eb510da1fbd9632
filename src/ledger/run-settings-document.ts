import { z } from 'zod';
import type { Canary } from '../domain/batch/canary.js';
import { MODELS, RESOLUTIONS } from '../domain/rows/generation-settings.js';
import type { ImagePrice } from '../domain/money/price-table.js';
import type { RunSettings } from '../domain/batch/run-settings.js';

const count = z.int().min(0);

const canary: z.ZodType<Canary> = z.object({
  rows: count,
  waitMs: count.exactOptional(),
  of: count,
});

/** Schema of a list of prices in documents. */
export const imagePrices: z.ZodType<readonly ImagePrice[]> = z.array(
  z.object({ model: z.enum(MODELS), resolution: z.enum(RESOLUTIONS), price: z.string() }),
);

/** Schema of `RunSettings` in documents. */
export const runSettings: z.ZodType<RunSettings> = z.object({
  concurrency: count,
  maxGenerations: count,
  jobTimeoutMs: count.exactOptional(),
  graceMs: count,
  idempotencyHorizonMs: count,
  probeFirstMs: count,
  probeLongestMs: count,
  maxFailureRate: count.exactOptional(),
  thumbnails: z.boolean().exactOptional(),
  nearDuplicates: z.boolean().exactOptional(),
  prices: imagePrices.exactOptional(),
  budget: z.string().exactOptional(),
  canary: canary.exactOptional(),
});
