import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MODELS, MODES, RESOLUTIONS } from '../contract.js';

/** The three classes of job failures in the contract. */
export const JOB_FAILURES = ['flaky', 'refused', 'unknown'] as const;
export type JobFailure = (typeof JOB_FAILURES)[number];

/** A job with its whole fate, determined at its creation. Times are epoch milliseconds. */
export const jobSchema = z.object({
  id: z.string(),
  account: z.string(),
  model: z.enum(MODELS),
  mode: z.enum(MODES),
  prompt: z.string(),
  aspectRatio: z.string(),
  resolution: z.enum(RESOLUTIONS),
  /** Size of the first input image, if the aspect ratio is `auto`. */
  inputSize: z.object({ width: z.number(), height: z.number() }).optional(),
  idempotencyKey: z.string().nullable(),
  /** Detects a replay with another body. */
  requestDigest: z.string(),
  callbackUrl: z.string().nullable(),
  price: z.string(),
  createdAt: z.number(),
  startedAt: z.number(),
  finishedAt: z.number(),
  end: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('done') }),
    /** Done, but its image is never available. */
    z.object({ kind: z.literal('imageless') }),
    z.object({ kind: z.literal('failed'), failure: z.enum(JOB_FAILURES), text: z.string() }),
    /** Made without a charge; every poll is a 404. */
    z.object({ kind: z.literal('lost') }),
  ]),
});
export type Job = Readonly<z.output<typeof jobSchema>>;

export type JobStatus = 'queued' | 'processing' | 'done' | 'failed';

/** The status of a job at a time. */
export function statusAt(job: Job, now: number): JobStatus {
  if (now < job.startedAt) return 'queued';
  if (now < job.finishedAt) return 'processing';
  return job.end.kind === 'failed' || job.end.kind === 'lost' ? 'failed' : 'done';
}

function timestamp(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The JSON of `GET /jobs/{job_id}` at a time; `imageUrl` is called only if the job is done. */
export function jobJson(job: Job, now: number, imageUrl: () => string) {
  const status = statusAt(job, now);
  return {
    job_id: job.id,
    status,
    created_at: timestamp(job.createdAt),
    started_at: status === 'queued' ? null : timestamp(job.startedAt),
    finished_at: status === 'done' || status === 'failed' ? timestamp(job.finishedAt) : null,
    result: status === 'done' ? { image_url: imageUrl() } : null,
    error: status === 'failed' && job.end.kind === 'failed' ? job.end.text : null,
  };
}

/** Lower-case hex sha256 of a prompt's UTF-8 bytes. */
export function promptSha256(prompt: string): string {
  return createHash('sha256').update(prompt).digest('hex');
}
