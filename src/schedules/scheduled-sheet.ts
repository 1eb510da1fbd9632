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

/** When a schedule runs, in its own time zone. */
export const ScheduleTimes = z.discriminatedUnion('kind', [
  /** Any of these expressions, as given. */
  z.object({ kind: z.literal('cron'), expressions: z.array(z.string().min(1)).min(1) }),
  /** At this interval, counted from the epoch plus `offsetMs`, in any zone. */
  z.object({ kind: z.literal('every'), everyMs: z.int().min(1000), offsetMs: z.int().min(0) }),
]);
export type ScheduleTimes = z.infer<typeof ScheduleTimes>;

/**
 * What every run of a schedule does. Stored in the bucket under its content, so that Temporal sees neither templates
 * nor addresses: the argument of a run is only the key.
 */
export const ScheduledSheet = z.object({
  format: z.literal(1),
  schedule: scheduleName,
  mode: z.enum(SCHEDULE_MODES),
  /** The home of its batches and of the schedule's records. */
  home: z.object({ bucket: z.string().min(1), prefix: z.string() }),
  /** `pinned`: the bytes when the schedule was created; `address`: `s3://` or `https://`, read at each run. */
  source: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('pinned'),
      key: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      /** As given: determines the format, and is used in messages. */
      name: z.string().min(1),
      /** Key of the list of its local input images; absent without any. */
      inputListKey: z.string().exactOptional(),
    }),
    z.object({ kind: z.literal('address'), address: z.string().min(1) }),
  ]),
  /** Without a moment: each run of the schedule has its own. */
  sheetSettings: SheetSettings,
  settings: runSettings,
  /** Maximum number of images that one run of the schedule may buy; one that would buy more buys nothing. */
  maxImages: z.int().min(1).exactOptional(),
  /** Maximum cost of one run of the schedule, a decimal string; absent: no limit. */
  budget: z.string().exactOptional(),
  /** The service configured when the schedule was created; as in `RunRequest`. */
  service: z.string().min(1).exactOptional(),
  /** IANA name of the zone of its times, and of `{{date}}` and `{{time}}` in its prompts. */
  timezone: z.string().min(1),
  times: ScheduleTimes,
});
export type ScheduledSheet = z.infer<typeof ScheduledSheet>;

/** The argument of a run of the schedule, as Temporal stored it. */
export const firingArgument: z.ZodType<FiringArgument> = z.object({
  format: z.literal(1),
  schedule: scheduleName,
  home: z.object({ bucket: z.string().min(1), prefix: z.string() }),
  /** Key of its `ScheduledSheet`. */
  sheetKey: z.string().min(1),
});
