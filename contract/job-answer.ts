import { z } from 'zod';
import type { Answer } from './service.js';

const STATES = ['queued', 'processing', 'done', 'failed'] as const;
export type JobState = (typeof STATES)[number];

/** The JSON of a job with its seven fields. Source: the contract, "Jobs". */
export const jobAnswer = z.object({
  job_id: z.uuid(),
  status: z.string(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  result: z.object({ image_url: z.string() }).nullable(),
  error: z.string().nullable(),
});
export type JobAnswer = z.infer<typeof jobAnswer>;

const loose = z.object({
  status: z.string().optional(),
  result: z.object({ image_url: z.string().optional() }).nullish(),
});

/** The state in an answer; undefined if it is not one of the four. */
export function stateOf(answer: Answer): JobState | undefined {
  const status = loose.safeParse(answer.json).data?.status;
  return STATES.find((state) => state === status);
}

/** How a job ended, by all its polls; undefined if none of them shows an end. */
export function endOf(polls: readonly Answer[]): 'done' | 'failed' | undefined {
  for (const poll of polls) {
    const state = stateOf(poll);
    if (state === 'done' || state === 'failed') return state;
  }
  return undefined;
}

/** The image URL in an answer, whatever else is wrong with it; undefined if there is none. */
export function imageUrlOf(answer: Answer): string | undefined {
  const url = loose.safeParse(answer.json).data?.result?.image_url;
  return url !== undefined && URL.canParse(url) ? url : undefined;
}
