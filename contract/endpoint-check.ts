import { collectOutcomes } from './collect-outcomes.js';
import { shown, type Probe } from './check.js';
import { ENDPOINTS, type Endpoint } from './endpoints.js';
import { broken, HOLDS, verdictOf, type Rule, type Verdict } from './verdict.js';

/** Runs before all other checks: it finds the endpoints that the key may use. */
export const ENDPOINT_RULE = {
  id: 'models.endpoints',
  sentence: 'Each model has an endpoint for text and one for images by URL.',
  section: 'Models and endpoints',
  cost: 'nothing',
} as const satisfies Rule & { readonly cost: 'nothing' };

/** Whether each endpoint exists, by its refusal of an empty body, and which ones the key may use. */
export async function findEndpoints({ creates }: Pick<Probe, 'creates'>): Promise<{
  readonly verdict: Verdict;
  readonly endpoints: readonly Endpoint[];
}> {
  const endpoints: Endpoint[] = [];
  const forbidden: string[] = [];
  const outcomes = await collectOutcomes(creates, ENDPOINTS, async (endpoint) => {
    const answer = await creates.send(endpoint, {}, { purpose: `an empty body to ${endpoint.path}` });
    if (answer.status === 422) endpoints.push(endpoint);
    if (answer.status === 403) forbidden.push(endpoint.path);
    const there = answer.status === 422 || answer.status === 403;
    return there ? HOLDS : broken(`POST ${endpoint.path}`, shown(answer));
  });
  const verdict = verdictOf('422 to an empty body', outcomes, 'endpoint');
  if (verdict.kind !== 'pass' || forbidden.length === 0) return { verdict, endpoints };
  return { verdict: { kind: 'pass', note: `this key may not use ${forbidden.join(', ')}` }, endpoints };
}
