import { z } from 'zod';
import { errorBodyMessage, errorCodeOf, type Operation } from '../src/bananahub/texts/error-body.js';
import { createAnswerSchema } from '../src/bananahub/schema.js';
import { balanceOf } from './balance-answer.js';
import { shown, type EvidenceCheck } from './check.js';
import { isAccepted, overSamples } from './create-checks.js';
import type { Call } from './service.js';
import { broken, HOLDS, verdictOf } from './verdict.js';

const section = 'Our client';
const cost = 'the images of the plan';

/** The error code that our client must report for each status. Source: the contract, "Errors". */
const CODES: Readonly<Record<number, Partial<Record<Operation, string>>>> = {
  401: { create: 'unauthorized', job: 'unauthorized', balance: 'unauthorized' },
  402: { create: 'insufficient-balance' },
  403: { create: 'forbidden' },
  404: { job: 'job-not-found' },
  422: { create: 'invalid-request' },
};

/** Whether this program's client handles the answers. */
export const CLIENT_CHECKS: readonly EvidenceCheck[] = [
  {
    id: 'client.errors',
    sentence: 'Our client reports what each refusal means, and its text.',
    section,
    cost: 'nothing',
    look: ({ answers }) =>
      verdictOf(
        'the code of the table "Errors" and a message',
        answers.flatMap((answer) => {
          const operation = operationOf(answer.call);
          const wanted = CODES[answer.status]?.[operation];
          if (wanted === undefined) return [];
          const message = errorBodyMessage(answer.text);
          const code = errorCodeOf(answer.status, message, operation);
          const good = code === wanted && (message !== '' || answer.text === '');
          return good ? HOLDS : broken(shown(answer), `${code} "${message}"`);
        }),
        'refusal',
      ),
  },
  {
    id: 'client.create',
    sentence: 'Our client reads the answer to a create.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'the job id', (sample) => {
        if (!isAccepted(sample)) return undefined;
        const { success, data } = createAnswerSchema(() => false).safeParse(sample.create.json);
        const good = success && data.job_id === sample.jobId;
        return good ? HOLDS : broken(sample.sample.name, shown(sample.create));
      }),
  },
  {
    id: 'client.job',
    sentence: 'Our client reads a finished job.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'a done job', ({ client, sample }) => {
        if (client === undefined) return undefined;
        const good = z.object({ kind: z.literal('done') }).safeParse(client.job).success;
        return good ? HOLDS : broken(sample.name, textOf(client.job));
      }),
  },
  {
    id: 'client.balance',
    sentence: 'Our client reads the account.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'three amounts', ({ client, sample, balances }) => {
        if (client === undefined) return undefined;
        const good = typeof client.balance === 'object' && balanceOf(balances.ended) !== undefined;
        return good ? HOLDS : broken(sample.name, textOf(client.balance));
      }),
  },
  {
    id: 'client.image',
    sentence: 'Our client downloads the image and reads the same dimensions as decoding it.',
    section,
    cost,
    look: (evidence) =>
      overSamples(evidence, 'an image of the same dimensions', ({ client, image, sample }) => {
        if (client?.image === undefined || image?.pixels === undefined) return undefined;
        const { width, height } = image.pixels;
        const wanted = z.object({
          kind: z.literal('image'),
          width: z.literal(width),
          height: z.literal(height),
        });
        return wanted.safeParse(client.image).success ? HOLDS : broken(sample.name, textOf(client.image));
      }),
  },
];

function operationOf({ method, path }: Call): Operation {
  if (method === 'POST') return 'create';
  return path === '/balance' ? 'balance' : 'job';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
