import { z } from 'zod';
import { parseScheduleName, SCHEDULE_MODES } from '../domain/batch/schedule-name.js';
import { runSettings } from '../ledger/run-settings-document.js';
import { SheetSettings } from '../sheet/sheet-settings.js';
import type { FiringArgument } from '../workflows/protocol/firing-activities.js';

const scheduleName = z.string().transform((text, context) => {
  const name = parseScheduleName(text);
  if (name !== undefined) return name;
  context.addIssue('is not a valid name of a schedule');
  return z.NEVER;
});

/** When a schedule fires, in its own time zone. */
export const ScheduleTimes = z.discriminatedUnion('kind', [
  /** Any of these expressions, as they were given. */
  z.object({ kind: z.literal('cron'), expressions: z.array(z.string().min(1)).min(1) }),
  /** Every so often from the epoch plus `offsetMs`, whatever the zone. */
  z.object({ kind: z.literal('every'), everyMs: z.int().min(1000), offsetMs: z.int().min(0) }),
]);
export type ScheduleTimes = z.infer<typeof ScheduleTimes>;

/**
 * What every firing of a schedule is asked to do. Kept in the bucket by its content, so that Temporal sees neither
 * templates nor addresses: what a firing is given is where it lies.
 */
export const ScheduledSheet = z.object({
  format: z.literal(1),
  schedule: scheduleName,
  mode: z.enum(SCHEDULE_MODES),
  /** Where its batches, and what is known of the schedule, are at home. */
  home: z.object({ bucket: z.string().min(1), prefix: z.string() }),
  /** `pinned`: the bytes as they were when the schedule was made; `address`: `s3://` or `https://`, read at each firing. */
  source: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('pinned'),
      key: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      /** As it was given: tells the format, and messages name it. */
      name: z.string().min(1),
      /** Key of the list of the images that it names beside itself; absent where it names none. */
      inputListKey: z.string().exactOptional(),
    }),
    z.object({ kind: z.literal('address'), address: z.string().min(1) }),
  ]),
  /** Without a moment: each firing has its own. */
  sheetSettings: SheetSettings,
  settings: runSettings,
  /** Most images that one firing may buy; one that would buy more buys nothing. */
  maxImages: z.int().min(1).exactOptional(),
  /** What one firing may cost at most, a decimal string; absent: whatever it costs. */
  budget: z.string().exactOptional(),
  /** The service that was configured where the schedule was made; as in `RunRequest`. */
  service: z.string().min(1).exactOptional(),
  /** IANA name of the zone in which it fires, and whose `{{date}}` and `{{time}}` its prompts have. */
  timezone: z.string().min(1),
  times: ScheduleTimes,
});
export type ScheduledSheet = z.infer<typeof ScheduledSheet>;

/** What a firing is given, as Temporal has kept it. */
export const firingArgument: z.ZodType<FiringArgument> = z.object({
  format: z.literal(1),
  schedule: scheduleName,
  home: z.object({ bucket: z.string().min(1), prefix: z.string() }),
  /** Key of its `ScheduledSheet`. */
  sheetKey: z.string().min(1),
});
