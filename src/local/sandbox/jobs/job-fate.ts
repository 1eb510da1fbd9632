import type { Job, JobFailure } from './job.js';
import type { Misbehaviour } from '../misbehaviour.js';
import { chance, pick } from '../seeded-chance.js';

const TEXTS: Readonly<Record<JobFailure, readonly string[]>> = {
  flaky: [
    'Upstream returned no image',
    'An internal error occurred while generating the image',
    'Generation failed: timeout',
    'The model is overloaded',
    'Something went wrong, please try again',
  ],
  refused: [
    'Request was rejected by the safety system',
    'Prompt was flagged by moderation',
    'The request violates our content policy',
    'Content was blocked',
    'The prompt contains prohibited content',
  ],
  unknown: ['Generation failed with code E1042', 'No candidates were produced'],
};

/** Duration of a job with the prompt marker `[[stuck]]`. */
const STUCK_MS = 365 * 24 * 3_600_000;

/**
 * The fate of a job, determined by the seed, the account, the prompt and how many jobs that prompt had before, so
 * that the same sheet gets the same results in any order of its creates. Markers in the prompt take precedence:
 *
 * - `[[refuse]]` fails by moderation, every time.
 * - `[[flaky]]` fails once: the first job of this prompt and account. `[[flaky-always]]` fails every time.
 * - `[[unknown-failure]]` fails with an unknown text, every time.
 * - `[[lost]]` is a 404 at every poll. `[[no-image]]` is done, and its image is refused for ever.
 * - `[[stuck]]` does not end within a year. `[[takes:25s]]` takes 25 s; any whole number of seconds up to 99999.
 * - `[[invalid]]` never becomes a job: the create is refused with 422.
 *
 * Those of `poison.ts` concern the answers, not the job.
 */
export function decideFate(input: {
  readonly misbehaviour: Misbehaviour;
  readonly seed: string;
  readonly account: string;
  readonly prompt: string;
  /** Number of this account's jobs with this prompt so far. */
  readonly jobsBefore: number;
  readonly jobTimeMs: { readonly min: number; readonly max: number };
}): { readonly end: Job['end']; readonly takesMs: number } {
  const { misbehaviour, prompt, jobsBefore, jobTimeMs } = input;
  const subject = JSON.stringify([input.account, prompt, jobsBefore]);
  const share = (what: string) => chance(input.seed, what, subject);
  const fail = (failure: JobFailure): Job['end'] => ({
    kind: 'failed',
    failure,
    text: pick(TEXTS[failure], share('failure-text')),
  });
  const marked = (marker: string) => prompt.includes(`[[${marker}]]`);
  const decideEnd = (): Job['end'] => {
    if (marked('refuse')) return fail('refused');
    if (marked('flaky-always') || (marked('flaky') && jobsBefore === 0)) return fail('flaky');
    if (marked('unknown-failure')) return fail('unknown');
    if (marked('lost')) return { kind: 'lost' };
    if (marked('no-image')) return { kind: 'imageless' };
    if (misbehaviour.plays('job-lost', subject)) return { kind: 'lost' };
    if (misbehaviour.plays('job-refused', subject)) return fail('refused');
    if (misbehaviour.plays('job-flaky', subject)) return fail('flaky');
    if (misbehaviour.plays('job-unknown', subject)) return fail('unknown');
    return { kind: 'done' };
  };
  const decideTime = (): number => {
    if (marked('stuck')) return STUCK_MS;
    const [, seconds] = /\[\[takes:(\d{1,5})s\]\]/.exec(prompt) ?? [];
    if (seconds !== undefined) return Number(seconds) * 1_000;
    return Math.round(jobTimeMs.min + (jobTimeMs.max - jobTimeMs.min) * share('job-time'));
  };
  return { end: decideEnd(), takesMs: decideTime() };
}

/** Whether a job's duration means that it never ends. */
export function isStuck(takesMs: number): boolean {
  return takesMs >= STUCK_MS;
}
