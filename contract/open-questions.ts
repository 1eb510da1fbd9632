import { shown, type RequestCheck, type Probe } from './check.js';
import { goodBody, without, type Body } from './endpoints.js';
import { fieldsNamed } from './error-shapes.js';
import type { Verdict } from './verdict.js';

const section = 'Models and endpoints';

/** Sends a body without its aspect ratio, which makes no image, and returns the fields that the answer names. */
async function namedIn(
  { endpoints: [endpoint], creates }: Probe,
  changes: Body,
  options: { readonly idempotencyKey?: string } = {},
): Promise<ReadonlySet<string> | string> {
  if (endpoint === undefined) return 'the key may not use any endpoint';
  const body = { ...without(goodBody(endpoint), 'aspect_ratio'), ...changes };
  const answer = await creates.send(endpoint, body, { purpose: 'an open question', ...options });
  return answer.status === 422 ? fieldsNamed(answer.json) : `it was answered ${shown(answer)}`;
}

function question(
  id: string,
  sentence: string,
  field: string,
  says: { readonly named: string; readonly notNamed: string },
  changes: Body,
  options?: { readonly idempotencyKey: string },
): RequestCheck {
  const ask = async (probe: Probe): Promise<Verdict> => {
    const named = await namedIn(probe, changes, options);
    if (typeof named === 'string') return { kind: 'skipped', why: named };
    return { kind: 'finding', says: named.has(field) ? says.named : says.notNamed };
  };
  return { id, sentence, section, cost: 'nothing', ask };
}

/** What the contract leaves open and can be found out for free: each together with a fault that is refused anyway. */
export const OPEN_QUESTIONS: readonly RequestCheck[] = [
  question(
    'open.null-bytes',
    'Does a prompt of null bytes alone count as empty?',
    'prompt',
    { named: 'yes: it is refused', notNamed: 'it is not refused together with other faults of the body' },
    { prompt: '\0\0' },
  ),
  question(
    'open.unknown-field',
    'Is an undocumented field refused?',
    'colour',
    { named: 'yes', notNamed: 'no, or not together with other faults of the body' },
    { colour: 'red' },
  ),
  question(
    'open.callback-scheme',
    'Is a callback_url that is not an http(s) URL refused?',
    'callback_url',
    { named: 'yes', notNamed: 'no, or not together with other faults of the body' },
    { callback_url: 'ftp://banana-batch.invalid/hook' },
  ),
  question(
    'open.key-format',
    'Is an Idempotency-Key that is not a UUID refused?',
    'idempotency-key',
    { named: 'yes', notNamed: 'no, or not together with faults of the body' },
    {},
    { idempotencyKey: 'not-a-uuid' },
  ),
];
