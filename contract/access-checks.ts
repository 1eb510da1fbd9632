import { randomUUID } from 'node:crypto';
import { collectOutcomes } from './collect-outcomes.js';
import { shown, type RequestCheck } from './check.js';
import { ENDPOINTS, goodBody } from './endpoints.js';
import type { Answer } from './service.js';
import { broken, HOLDS, verdictOf, type Outcome } from './verdict.js';

const section = 'Base URL and authentication';

const KEY_TEXT = { none: 'no key', wrong: 'a wrong key' };

/** Who may send requests. The creates carry no key or a wrong one: no account could be charged. */
export const ACCESS_CHECKS: readonly RequestCheck[] = [
  {
    id: 'auth.reads',
    sentence: 'A read without a key, or with a wrong one, is answered 401.',
    section,
    cost: 'nothing',
    async ask({ service }) {
      const outcomes: Outcome[] = [];
      for (const path of ['/balance', `/jobs/${randomUUID()}`]) {
        for (const auth of ['none', 'wrong'] as const) {
          outcomes.push(
            unauthorized(`GET ${nameOf(path)} with ${KEY_TEXT[auth]}`, await service.get(path, auth)),
          );
        }
      }
      return verdictOf('401', outcomes);
    },
  },
  {
    id: 'auth.creates',
    sentence: 'A create without a key, or with a wrong one, is answered 401.',
    section,
    cost: 'nothing',
    async ask({ creates }) {
      const cases = ENDPOINTS.filter(({ mode }) => mode === 'text').flatMap((endpoint) =>
        (['none', 'wrong'] as const).map((auth) => ({ endpoint, auth })),
      );
      const outcomes = await collectOutcomes(creates, cases, async ({ endpoint, auth }) => {
        const purpose = `POST ${endpoint.path} with ${KEY_TEXT[auth]}`;
        return unauthorized(purpose, await creates.send(endpoint, goodBody(endpoint), { purpose, auth }));
      });
      return verdictOf('401', outcomes);
    },
  },
  {
    id: 'jobs.unknown',
    sentence: 'A job id that never existed is answered 404.',
    section: 'Jobs',
    cost: 'nothing',
    async ask({ service }) {
      const answer = await service.get(`/jobs/${randomUUID()}`);
      return verdictOf('404', [answer.status === 404 ? HOLDS : broken('GET /jobs/<new id>', shown(answer))]);
    },
  },
];

function unauthorized(what: string, answer: Answer): Outcome {
  return answer.status === 401 ? HOLDS : broken(what, shown(answer));
}

function nameOf(path: string): string {
  return path.startsWith('/jobs/') ? '/jobs/<id>' : path;
}
