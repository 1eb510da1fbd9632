import { z } from 'zod';
import type { Balance, Job } from './client.js';
import { classifyJobFailure } from '../domain/rows/failure-kind.js';
import type { JobId } from '../domain/rows/ids.js';
import { messageOf } from './texts/error-body.js';
import type { Redact } from './texts/redact-secrets.js';
import { publicText, saysPaused } from './texts/service-text.js';

const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** Whether an id can be used in a URL path unencoded; the service's own are UUIDs. */
export function isSafeJobId(id: string): id is JobId {
  return JOB_ID.test(id);
}

const jobIdSchema = z.string().transform((id, context) => {
  if (isSafeJobId(id)) return id;
  context.addIssue({ code: 'custom', message: 'is not a job id of letters, digits, "-" and "_"' });
  return z.NEVER;
});

/** The answer to a create. `status_url` is ignored: it is unreliable. `isSecret`: whether an id repeats a secret, which then must not be stored. */
export function createAnswerSchema(isSecret: (id: string) => boolean) {
  return z.object({ job_id: jobIdSchema.refine((id) => !isSecret(id), 'contains one of our secrets') });
}

/** Amounts enter messages and the history: no account holds 20 digits of money. */
const decimalSchema = z.string().regex(/^-?\d{1,20}(\.\d{1,20})?$/, 'is not a decimal number in quotes');

export const balanceSchema: z.ZodType<Balance> = z.object({
  balance: decimalSchema,
  reserved: decimalSchema,
  available: decimalSchema,
});

/** Servers accept no longer ones. Signatures with session tokens have some 2,000 characters. */
const LONGEST_URL = 16_384;

const httpUrlSchema = z
  .string()
  .max(LONGEST_URL, `is longer than ${LONGEST_URL} characters`)
  .refine(isHttpUrl, 'is not an http(s) URL');

/** Checks only the fields that decide a job's result; others may have any content. */
const jobAnswerSchema = z.object({
  job_id: z.string().optional(),
  status: z.string(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
  message: z.unknown().optional(),
  detail: z.unknown().optional(),
  created_at: z.unknown().optional(),
  finished_at: z.unknown().optional(),
});

const doneResultSchema = z.object({
  image_url: z.union([z.literal('').transform(() => undefined), httpUrlSchema]).nullish(),
});

/**
 * A job's answer as a `Job`: `done` only with an image URL, `unfinished` for every status that is not a known end.
 * Rejects an answer for another job than `requested`. `answeredAtMs`: by the service's clock, if known. `redact` removes
 * secrets from the texts.
 */
export function jobSchema(requested: JobId, answeredAtMs: number | undefined, redact: Redact) {
  return jobAnswerSchema.transform((answer, context): Job => {
    if (answer.job_id !== undefined && answer.job_id.toLowerCase() !== requested.toLowerCase()) {
      context.addIssue({ code: 'custom', path: ['job_id'], message: 'is not the requested job' });
      return z.NEVER;
    }
    switch (answer.status) {
      case 'failed': {
        const text = firstText(answer) ?? 'the service gave no reason';
        return { kind: 'failed', failure: classifyJobFailure(text), message: publicText(text, redact) };
      }
      case 'done': {
        const result = doneResultSchema.nullish().safeParse(answer.result);
        if (!result.success) {
          for (const issue of result.error.issues) {
            context.addIssue({ code: 'custom', path: ['result', ...issue.path], message: issue.message });
          }
          return z.NEVER;
        }
        const imageUrl = result.data?.image_url;
        if (imageUrl === undefined || imageUrl === null) return { kind: 'unfinished', status: 'done' };
        return { kind: 'done', imageUrl, ...endedAgo(answer.finished_at, answeredAtMs) };
      }
      default:
        return {
          kind: 'unfinished',
          status: publicText(answer.status, redact),
          ...pausedNotice(answer, redact),
        };
    }
  });
}

type JobAnswer = z.infer<typeof jobAnswerSchema>;

function texts({ error, message, detail }: JobAnswer): readonly string[] {
  return [error, message, detail]
    .flatMap((value) => messageOf(value) ?? [])
    .filter((text) => text.trim() !== '');
}

function firstText(answer: JobAnswer): string | undefined {
  return texts(answer)[0];
}

function pausedNotice(answer: JobAnswer, redact: Redact): { readonly pausedNotice?: string } {
  const notice = texts(answer).find(saysPaused);
  return notice === undefined ? {} : { pausedNotice: publicText(notice, redact) };
}

function endedAgo(finishedAt: unknown, answeredAtMs: number | undefined): { readonly endedAgoMs?: number } {
  if (typeof finishedAt !== 'string' || answeredAtMs === undefined) return {};
  // An answer's time is in whole seconds, and may seem earlier than an end with fractions.
  const endedAgoMs = Math.max(0, answeredAtMs - Date.parse(finishedAt));
  return Number.isNaN(endedAgoMs) ? {} : { endedAgoMs };
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:';
}
