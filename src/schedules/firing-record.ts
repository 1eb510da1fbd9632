import { z } from 'zod';
import type { BatchId } from '../domain/rows/ids.js';
import type { ScheduleName } from '../domain/batch/schedule-name.js';
import { TallyDocument } from '../ledger/documents.js';

const batch = {
  batchId: z.string().transform((text) => text as BatchId),
  runSeq: z.int().min(1),
  /** The folder of the batch in `bucket`. */
  bucket: z.string().min(1),
  root: z.string().min(1),
};

/** `_schedules/<name>/firings/<day>/<stamp>.json`: what became of a firing; written again as it continues. */
export const FiringRecord = z.object({
  format: z.literal(1),
  schedule: z.string().transform((text) => text as ScheduleName),
  /** The nominal time. */
  firingAt: z.iso.datetime(),
  /** When it was taken up, or found to have been skipped. */
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().exactOptional(),
  outcome: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('running'), ...batch }),
    z.object({
      kind: z.literal('ended'),
      ...batch,
      end: z.enum(['completed', 'cancelled', 'failed']),
      tally: TallyDocument.exactOptional(),
    }),
    /** The batch has all that the sheet asks for. */
    z.object({ kind: z.literal('nothing-to-do'), ...batch }),
    /** Something else was running. */
    z.object({ kind: z.literal('skipped'), reason: z.string() }),
    /** The sheet cannot be read, is refused by a limit, and so on. Nothing was bought. */
    z.object({ kind: z.literal('failed'), reason: z.string() }),
  ]),
});
export type FiringRecord = z.infer<typeof FiringRecord>;
