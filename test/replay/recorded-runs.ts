import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { z } from 'zod';

/** The runs whose histories are recorded: every situation of a batch at least once. */
export const RECORDED_RUNS = [
  'plain',
  'held',
  'paused',
  'canary',
  'budget',
  'later-budget',
  'generations',
  'cancelled',
  'continued',
  'scheduled',
] as const;
export type RecordedRun = (typeof RECORDED_RUNS)[number];

/** The histories of one run: of its batch, its shards and its starter, each workflow run separately. */
export const RecordedHistories = z.array(
  z.object({
    workflowId: z.string(),
    workflowType: z.string(),
    history: z.looseObject({ events: z.array(z.looseObject({ eventType: z.string() })) }),
  }),
);
export type RecordedHistories = z.infer<typeof RecordedHistories>;

/** Where the histories of a run are kept. */
export function historiesFile(run: RecordedRun): string {
  return fileURLToPath(new URL(`histories/${run}.json.gz`, import.meta.url));
}

export async function readHistories(run: RecordedRun): Promise<RecordedHistories> {
  const text = await promisify(gunzip)(await readFile(historiesFile(run)));
  return RecordedHistories.parse(JSON.parse(text.toString()));
}
