import { z } from 'zod';
import { INPUT_COLUMNS } from '../domain/rows/reserved-columns.js';
import type { LeftOutRecord, RejectedRecord, SkippedRecord } from '../domain/rows/row.js';

const count = z.int().min(0);

const leftOut = {
  line: count,
  tableRow: count.exactOptional(),
  place: count.optional(),
  record: z.record(z.string(), z.json()),
  ours: z.partialRecord(z.enum(INPUT_COLUMNS), z.string()).exactOptional(),
} satisfies Record<keyof LeftOutRecord, z.ZodType>;

/** A line of `runs/<runSeq>/rejects.jsonl`. */
export const RejectedLine: z.ZodType<RejectedRecord> = z.object({
  ...leftOut,
  column: z.string(),
  value: z.string(),
  rule: z.string(),
});

/** A line of `runs/<runSeq>/skipped.jsonl`. */
export const SkippedLine: z.ZodType<SkippedRecord> = z.object({
  ...leftOut,
  repeatOf: count,
  repeatOfRow: count.exactOptional(),
});
