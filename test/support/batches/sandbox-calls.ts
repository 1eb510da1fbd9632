import { z } from 'zod';
import type { RunningSandbox } from '../../../src/local/sandbox/index.js';
import { eventually } from '../eventually.js';

/** What a plain HTTP client receives from a sandbox, uninterpreted. */
export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const createdSchema = z.object({ job_id: z.uuid(), status: z.literal('queued'), status_url: z.string() });
const jobSchema = z.strictObject({
  job_id: z.uuid(),
  status: z.string(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  result: z.object({ image_url: z.string() }).nullable(),
  error: z.string().nullable(),
  message: z.string().optional(),
  detail: z.string().optional(),
});

/** A valid create for NanoBanana Pro. */
export const GOOD_BODY = { prompt: 'a yellow bird', aspect_ratio: '1:1', resolution: '1K' };

/** Calls a sandbox by plain HTTP, as any client could. */
export function callsOf(sandbox: RunningSandbox, key = 'sandbox-key') {
  const call = async (path: string, init: RequestInit = {}): Promise<Seen> => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${key}`);
    const response = await fetch(`${sandbox.apiUrl}${path}`, { ...init, headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const post = (path: string, body: unknown, idempotencyKey?: string) =>
    call(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify(body),
    });
  const create = async (changes: object = {}, idempotencyKey?: string): Promise<string> => {
    const seen = await post('/text-generations', { ...GOOD_BODY, ...changes }, idempotencyKey);
    if (seen.status !== 202) throw new Error(`create answered ${seen.status}: ${seen.text}`);
    return createdSchema.parse(JSON.parse(seen.text)).job_id;
  };
  const job = async (jobId: string) => {
    const seen = await call(`/jobs/${jobId}`);
    if (seen.status !== 200) throw new Error(`job answered ${seen.status}: ${seen.text}`);
    return jobSchema.parse(JSON.parse(seen.text));
  };
  const balance = async (): Promise<unknown> => JSON.parse((await call('/balance')).text);
  const ended = (jobId: string) =>
    eventually(
      async () => {
        const seen = await job(jobId);
        return ['done', 'failed'].includes(seen.status) && seen;
      },
      { what: `job ${jobId} ends`, withinMs: 5000, everyMs: 5 },
    );
  /** The freshest image URL of a job that is done. */
  const imageUrl = async (jobId: string): Promise<string> => {
    const { result } = await ended(jobId);
    if (result === null) throw new Error('the job has no result');
    return result.image_url;
  };
  return { call, post, create, job, balance, ended, imageUrl };
}

/** Downloads all bytes that arrive; `cut` if the connection ended before the promised length. */
export async function download(url: string) {
  const response = await fetch(url);
  const pieces: Uint8Array[] = [];
  let cut = false;
  try {
    for await (const piece of response.body ?? []) pieces.push(piece);
  } catch {
    cut = true;
  }
  return { status: response.status, headers: response.headers, bytes: Buffer.concat(pieces), cut };
}
