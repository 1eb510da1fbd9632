import { z } from 'zod';

/** What a promise pool has to do. */
export const PoolJob = z.object({
  apiUrl: z.string(),
  apiKey: z.string(),
  s3: z.object({
    endpoint: z.string(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
  }),
  /** Of the images' keys. */
  prefix: z.string(),
  concurrency: z.number(),
  pollMs: z.number(),
  /** Made first, and not measured. */
  warmUp: z.array(z.string()),
  prompts: z.array(z.string()),
});
export type PoolJob = Readonly<z.output<typeof PoolJob>>;

/** What it took. */
export const PoolResult = z.object({ wallMs: z.number(), cpuMs: z.number(), peakBytes: z.number() });
export type PoolResult = Readonly<z.output<typeof PoolResult>>;
