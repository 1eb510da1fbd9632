import type { EvidenceCheck } from './check.js';
import { overSamples } from './create-checks.js';
import type { Evidence, SampleEvidence } from './evidence.js';
import { endOf } from './job-answer.js';
import { broken, HOLDS, type Outcome, type Verdict } from './verdict.js';

const cost = 'the images of the plan';
const section = 'Webhooks';

function ofEnded(
  evidence: Evidence,
  expected: string,
  look: (sample: SampleEvidence) => Outcome | undefined,
): Verdict {
  if (!evidence.listened) {
    return {
      kind: 'skipped',
      why: 'no receiver listens for webhooks',
      enable: 'with --webhook-url and --webhook-port',
    };
  }
  return overSamples(evidence, expected, (sample) =>
    endOf(sample.polls) === undefined ? undefined : look(sample),
  );
}

/** What is posted to `callback_url` when a job has ended. */
export const WEBHOOK_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'webhook.posted',
    sentence: 'The end of a job is posted to its callback_url.',
    section,
    cost,
    look: (evidence) =>
      ofEnded(evidence, 'a POST within 30 s', ({ deliveries: [first], sample }) => {
        if (first === undefined) return broken(sample.name, 'no webhook was received');
        return first.method === 'POST' ? HOLDS : broken(sample.name, first.method);
      }),
  },
  {
    id: 'webhook.same-json',
    sentence: 'A webhook has the JSON of GET /jobs/{id}, except for the image URL.',
    section,
    cost,
    look: (evidence) =>
      ofEnded(evidence, 'the JSON of the last poll', ({ deliveries: [first], polls, sample }) => {
        if (first === undefined) return undefined;
        const posted = comparable(first.text);
        const polled = comparable(polls.at(-1)?.text ?? '');
        if (posted === polled) return HOLDS;
        return broken(sample.name, posted === '' ? 'not JSON' : differenceOf(posted, polled));
      }),
  },
  {
    id: 'open.webhook-count',
    sentence: 'How often is a webhook posted, and as what type?',
    section,
    cost,
    look: ({ samples, listened }) => {
      const all = samples.map(({ deliveries }) => deliveries).filter((deliveries) => deliveries.length > 0);
      if (!listened || all.length === 0) return { kind: 'skipped', why: 'no webhook was received' };
      const types = [...new Set(all.flat().map(({ contentType }) => contentType || 'no type'))];
      return { kind: 'finding', says: `${all.map(({ length }) => length).join(', ')} × ${types.join(', ')}` };
    },
  },
];

/** JSON with sorted fields and without an image URL; empty if the text is not JSON. */
function comparable(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    return JSON.stringify(parsed, (name, value: unknown) => {
      if (name === 'image_url') return '<image URL>';
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    });
  } catch {
    return '';
  }
}

function differenceOf(posted: string, polled: string): string {
  return `${posted} where a poll shows ${polled}`;
}
