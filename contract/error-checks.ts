import { shown, type EvidenceCheck } from './check.js';
import { errorShapeOf } from './error-shapes.js';
import type { Evidence } from './evidence.js';
import type { Answer } from './service.js';
import { broken, HOLDS, verdictOf } from './verdict.js';

function refusals({ answers }: Evidence): readonly Answer[] {
  return answers.filter(({ status }) => status >= 400 && status < 500);
}

/** The refusals of this run. */
export const ERROR_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'errors.shape',
    sentence: 'The body of a refusal has one of the three documented shapes.',
    section: 'Errors',
    cost: 'nothing',
    look: (evidence) =>
      verdictOf(
        '{"detail": text, object or list}',
        refusals(evidence).flatMap((answer) => {
          // HTML and empty bodies are known to occur, too.
          if (answer.json === undefined) return [];
          const { method, path } = answer.call;
          return errorShapeOf(answer.json) === undefined ? broken(`${method} ${path}`, shown(answer)) : HOLDS;
        }),
        'refusal',
      ),
  },
  {
    id: 'open.error-shapes',
    sentence: 'Which status has which shape of body?',
    section: 'Errors',
    cost: 'nothing',
    look: (evidence) => {
      const seen = new Set(
        refusals(evidence).map(({ status, json, text }) => {
          const other = text === '' ? 'nothing' : json === undefined ? 'not JSON' : 'other JSON';
          return `${status} ${errorShapeOf(json) ?? other}`;
        }),
      );
      if (seen.size === 0) return { kind: 'skipped', why: 'nothing was refused' };
      return { kind: 'finding', says: [...seen].sort().join(', ') };
    },
  },
  {
    id: 'open.passing-faults',
    sentence: 'Which temporary faults occurred, and what does Retry-After look like?',
    section: 'Errors',
    cost: 'nothing',
    look: ({ answers }) => {
      const seen = new Map<string, number>();
      for (const { status, headers } of answers) {
        if (status !== 429 && status !== 408 && status !== 409 && status !== 425 && status < 500) continue;
        const after = headers['retry-after'];
        const name = after === undefined ? `${status}` : `${status} with Retry-After "${after}"`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
      if (seen.size === 0) return { kind: 'finding', says: 'none in this run' };
      return { kind: 'finding', says: [...seen].map(([name, count]) => `${count} × ${name}`).join(', ') };
    },
  },
];
