import { z } from 'zod';
import { shown, type EvidenceCheck } from './check.js';
import type { Evidence, SampleEvidence } from './evidence.js';
import type { Answer } from './service.js';
import { broken, HOLDS, verdictOf, type Outcome, type Verdict } from './verdict.js';

const createAnswer = z.object({
  job_id: z.uuid(),
  status: z.literal('queued'),
  status_url: z.string().startsWith('/'),
});

/** The verdict over all samples for which `look` returns an outcome. */
export function overSamples(
  { samples }: Evidence,
  expected: string,
  look: (sample: SampleEvidence) => Outcome | undefined,
  none = 'no image was made',
): Verdict {
  const outcomes = samples.flatMap((sample) => look(sample) ?? []);
  return verdictOf(expected, outcomes, 'image', none);
}

/** Samples whose create was accepted: the others only have their refusal. */
export function isAccepted({ create }: SampleEvidence): boolean {
  return create.status >= 200 && create.status < 300;
}

const NO_REPLAY = 'no create was repeated: that needs --max-images to allow one more image';

/** The answers to a create and to its repetition. */
export const CREATE_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'create.answer',
    sentence: 'A create is answered 202 with job_id (a UUID), status "queued" and a status_url.',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: (evidence) =>
      overSamples(evidence, '202 {"job_id": "<uuid>", "status": "queued", "status_url": "/…"}', (sample) => {
        const { create } = sample;
        // A refusal because of the key or the balance is no violation.
        if (create.status === 402 || create.status === 403) return undefined;
        const good = create.status === 202 && createAnswer.safeParse(create.json).success;
        return good ? HOLDS : broken(sample.sample.name, shown(create));
      }),
  },
  {
    id: 'open.status-url',
    sentence: 'Does status_url have the /api prefix, and which host?',
    section: 'Base URL and authentication',
    cost: 'the images of the plan',
    look: ({ samples }) => {
      const shapes = samples.filter(isAccepted).flatMap(({ create, replays }) =>
        [create, ...replays].map(({ json }) => {
          const url = z.object({ status_url: z.string() }).safeParse(json).data?.status_url;
          return url?.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '<id>') ?? 'none';
        }),
      );
      if (shapes.length === 0) return { kind: 'skipped', why: 'no image was made' };
      return { kind: 'finding', says: [...new Set(shapes)].join(', ') };
    },
  },
  {
    id: 'replay.same-job',
    sentence: 'The same create with the same Idempotency-Key gives the same job.',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: (evidence) =>
      overSamples(
        evidence,
        '202 with the first job_id',
        ({ replays, jobId, sample }) => {
          if (replays.length === 0) return undefined;
          const other = replays.find(
            ({ json }) => !z.object({ job_id: z.literal(jobId) }).safeParse(json).success,
          );
          return other === undefined ? HOLDS : broken(sample.name, shown(other));
        },
        NO_REPLAY,
      ),
  },
  {
    id: 'open.replay-when-spent',
    sentence: 'Is a replay answered although the balance does not cover a new create?',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: ({ repeats: { whenSpent } }) => {
      if (whenSpent === undefined) {
        const why = 'it needs an account whose balance is spent in this run, after the first image';
        return { kind: 'skipped', why };
      }
      return { kind: 'finding', says: whenSpent.status === 202 ? 'yes' : `no: ${shown(whenSpent)}` };
    },
  },
  {
    id: 'open.replay-faulty-body',
    sentence: 'What is the answer to a repeated key with a body that has no prompt?',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: ({ repeats, samples }) => repeatOf(repeats.faultyBody, samples, NO_REPLAY),
  },
  {
    id: 'open.replay-other-body',
    sentence: 'What is the answer to a repeated key with another prompt?',
    section: 'Models and endpoints',
    cost: 'the images of the plan',
    look: ({ repeats, samples }) =>
      repeatOf(repeats.otherBody, samples, 'it may cost an image, and --max-images left none for it'),
  },
];

function repeatOf(answer: Answer | undefined, samples: readonly SampleEvidence[], none: string): Verdict {
  if (answer === undefined) return { kind: 'skipped', why: none, enable: 'with a larger --max-images' };
  const jobId = createAnswer.safeParse(answer.json).data?.job_id;
  if (jobId === undefined) return { kind: 'finding', says: shown(answer) };
  const known = samples.some((sample) => sample.jobId === jobId);
  return { kind: 'finding', says: known ? 'the first job' : 'ANOTHER JOB, which costs money' };
}
