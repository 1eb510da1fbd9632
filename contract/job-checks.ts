import { shown, type EvidenceCheck } from './check.js';
import { overSamples } from './create-checks.js';
import type { SampleEvidence } from './evidence.js';
import { endOf, imageUrlOf, jobAnswer, stateOf, type JobAnswer } from './job-answer.js';
import type { Answer } from './service.js';
import { broken, HOLDS, type Outcome } from './verdict.js';

const cost = 'the images of the plan';
const section = 'Jobs';
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const PAUSE_NOTICE = /\bpaused\b|\bhigh load\b/i;

/** The first poll of a sample that breaks a rule decides; samples without polls do not count. */
function everyPoll(
  { polls, sample }: SampleEvidence,
  problemOf: (job: JobAnswer, answer: Answer) => string | undefined,
): Outcome | undefined {
  const jobs = polls.flatMap((answer) => {
    const job = jobAnswer.safeParse(answer.json).data;
    return job === undefined ? [] : [{ job, answer }];
  });
  if (jobs.length === 0) return undefined;
  for (const { job, answer } of jobs) {
    const problem = problemOf(job, answer);
    if (problem !== undefined) return broken(sample.name, `${problem}: ${shown(withoutUrl(answer))}`);
  }
  return HOLDS;
}

/** The content of a job's answer while it runs and at its end. */
export const JOB_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'jobs.answer',
    sentence: 'A poll of a job is answered 200 with its seven fields.',
    section,
    cost,
    look: (evidence) =>
      overSamples(
        evidence,
        'the seven fields, with the types of the contract',
        ({ polls, jobId, sample }) => {
          if (polls.length === 0) return undefined;
          const wrong = polls.find(
            ({ status, json }) => status !== 200 || jobAnswer.safeParse(json).data?.job_id !== jobId,
          );
          return wrong === undefined ? HOLDS : broken(sample.name, shown(withoutUrl(wrong)));
        },
      ),
  },
  {
    id: 'jobs.states',
    sentence: 'A job is queued, processing, then done or failed, and never goes back.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'queued, processing, then done or failed', ({ polls, sample }) => {
        if (polls.length === 0) return undefined;
        const states = polls
          .filter(({ status }) => status === 200)
          .map((poll) => stateOf(poll) ?? 'another status');
        const ranks = states.map((state) => ['queued', 'processing', 'done', 'failed'].indexOf(state));
        const orderly = ranks.every((rank, at) => rank >= (ranks[at - 1] ?? 0));
        return orderly ? HOLDS : broken(sample.name, [...new Set(states)].join(', '));
      }),
  },
  {
    id: 'jobs.end',
    sentence: 'A job ends.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'done or failed', ({ polls, sample, tookMs }) => {
        const last = polls.at(-1);
        if (last === undefined) return undefined;
        if (endOf(polls) !== undefined) return HOLDS;
        return broken(sample.name, `${stateOf(last) ?? shown(last)} after ${Math.round(tookMs / 1000)} s`);
      }),
  },
  {
    id: 'jobs.times',
    sentence: 'Times are RFC 3339 and in order; started_at and finished_at are null until they happen.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'created ≤ started ≤ finished, null until then', (sample) =>
        everyPoll(sample, (job) => {
          const { created_at, started_at, finished_at, status } = job;
          const times = [created_at, started_at, finished_at].filter((time) => time !== null);
          if (!times.every((time) => RFC_3339.test(time))) return 'a time in another format';
          const inOrder = times.every((time, at) => Date.parse(time) >= Date.parse(times[at - 1] ?? time));
          if (!inOrder) return 'times out of order';
          const isEnd = status === 'done' || status === 'failed';
          if (isEnd !== (finished_at !== null)) return 'finished_at does not fit the status';
          if (status === 'queued' && started_at !== null) return 'a queued job has started';
          return undefined;
        }),
      ),
  },
  {
    id: 'jobs.result',
    sentence: 'result is set only when done; error is a text only when failed (or a pause notice).',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'result when done, error when failed', (sample) =>
        everyPoll(sample, ({ status, result, error }) => {
          if (status !== 'done' && result !== null) return 'a result before the end';
          if (status === 'failed' && error === null) return 'a failure without an error';
          if (status !== 'failed' && error !== null && !PAUSE_NOTICE.test(error)) return 'an error';
          return undefined;
        }),
      ),
  },
  {
    id: 'open.durations',
    sentence: 'How long do jobs take?',
    section,
    cost,
    look: ({ samples }) => {
      const times = samples.flatMap(({ tookMs, sample: { name }, polls }) =>
        polls.length === 0 ? [] : [`${name}: ${(tookMs / 1000).toFixed(1)} s`],
      );
      if (times.length === 0) return { kind: 'skipped', why: 'no image was made' };
      return { kind: 'finding', says: times.join('; ') };
    },
  },
];

/** An answer to print: its image URL is a secret while it is valid. */
function withoutUrl(answer: Answer): Answer {
  const url = imageUrlOf(answer);
  return url === undefined ? answer : { ...answer, text: answer.text.replaceAll(url, '<image URL>') };
}
