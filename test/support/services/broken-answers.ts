import { randomUUID } from 'node:crypto';
import { Transformer } from '@napi-rs/image';
import {
  accounts,
  answers,
  bodies,
  cents,
  images,
  isBalance,
  isCreate,
  isJob,
  nthDone,
  onHost,
  type BrokenContract,
} from '../contract-changes.js';

/** Servers whose accounts, jobs, images, webhooks or errors violate the contract. */
export const BROKEN_ANSWERS: Readonly<Record<string, BrokenContract>> = {
  'balances are numbers': {
    fails: ['balance.answer', 'client.balance'],
    change: answers(isBalance, ({ balance }) => ({ balance: Number(balance) })),
  },
  'balances do not add up': {
    fails: ['balance.adds-up'],
    change: answers(isBalance, ({ available }) => ({ available: cents(available, -1) })),
  },
  'nothing is reserved': {
    fails: ['money.reserved'],
    change: accounts(() => ({ balance: '9.00', reserved: '0.00', available: '9.00' })),
  },
  'more is charged than was reserved': {
    fails: ['money.charged'],
    change: accounts(({ balance, available }, ended) => ({
      balance: cents(balance, -ended),
      available: cents(available, -ended),
    })),
  },
  'a reservation stays': {
    fails: ['money.released'],
    change: accounts(({ reserved, available }, ended) => ({
      reserved: cents(reserved, ended),
      available: cents(available, -ended),
    })),
  },
  'creates are answered as done': {
    fails: ['create.answer'],
    change: answers(isCreate, () => ({ status: 'done' }), 202),
  },
  'a replay makes a second job': {
    fails: ['money.charged', 'replay.free', 'replay.same-job'],
    change: () => ({
      request: (request) =>
        isCreate(request) ? { headers: { ...request.headers, 'idempotency-key': randomUUID() } } : {},
    }),
    maxImages: 3,
  },
  'a job lacks a field': {
    fails: ['jobs.answer'],
    change: answers(isJob, () => ({ started_at: undefined })),
  },
  'a job goes back': {
    fails: ['jobs.states'],
    change: nthDone(2, (body) => ({ ...body, status: 'processing', finished_at: null, result: null })),
  },
  'a done job loses its image when our client looks': {
    fails: ['client.job'],
    change: nthDone(3, (body) => ({ ...body, result: null })),
  },
  'a job never ends': {
    fails: ['jobs.end'],
    change: answers(isJob, () => ({ status: 'queued', started_at: null, finished_at: null, result: null })),
    maxImages: 1,
    jobTimeoutMs: 300,
  },
  'a job has no time of its end': {
    fails: ['jobs.times'],
    change: answers(isJob, () => ({ finished_at: null })),
  },
  'a failure has no text': {
    fails: ['jobs.result'],
    change: answers(isJob, () => ({ error: null })),
    failingPrompt: '[[refuse]]',
  },
  'an image URL stays the same': {
    fails: ['image-url.fresh'],
    change: () => {
      const results = new Map<string, unknown>();
      return {
        answer: ({ body }, request) => {
          if (!isJob(request) || body?.['status'] !== 'done') return {};
          const result = results.get(request.path) ?? body['result'];
          results.set(request.path, result);
          return { body: { ...body, result } };
        },
      };
    },
  },
  'images are on the host of the API': {
    fails: ['image-url.origin'],
    change: ({ own, images }) => answers(isJob, (body) => onHost(body, images, own))(),
  },
  'an image URL leads nowhere': {
    fails: ['image-url.reached'],
    change: () => answers(isJob, (body) => onHost(body, '/results/', '/nothing/'))(),
  },
  'an image is a bitmap': {
    fails: ['client.image', 'image-url.origin', 'image.type'],
    change: images((bytes) => new Transformer(bytes).bmp()),
    maxImages: 1,
  },
  'an image is cut short': {
    fails: ['image-url.origin', 'image.whole'],
    change: images((bytes) => bytes.subarray(0, -20)),
    maxImages: 1,
  },
  'an image is cut short for our client': {
    fails: ['client.image', 'image-url.origin'],
    change: images((bytes, nth) => (nth === 2 ? bytes.subarray(0, -20) : bytes)),
    maxImages: 1,
  },
  'job ids fit into no path': {
    fails: ['client.create', 'create.answer', 'jobs.answer', 'jobs.end'],
    jobTimeoutMs: 300,
    change: answers(isCreate, () => ({ job_id: '../job' }), 202),
  },
  'webhooks are not sent': {
    fails: ['webhook.posted'],
    change: bodies(({ callback_url: url }) =>
      typeof url === 'string' && url.startsWith('http') ? { callback_url: undefined } : {},
    ),
    maxImages: 1,
    withWebhook: true,
  },
  'webhooks tell another job': {
    fails: ['webhook.same-json'],
    change: answers(isJob, () => ({ created_at: '2020-01-01T00:00:00Z' })),
    maxImages: 1,
    withWebhook: true,
  },
  'an image has another shape': {
    fails: ['image.ratio'],
    change: bodies(({ aspect_ratio }) => (aspect_ratio === '3:2' ? { aspect_ratio: '1:1' } : {})),
    maxImages: 1,
  },
  'auto is a square': {
    fails: ['image.ratio'],
    change: bodies(({ aspect_ratio, prompt }) =>
      aspect_ratio === 'auto' && prompt !== undefined ? { aspect_ratio: '1:1' } : {},
    ),
    withInput: true,
  },
  '2K is 1K': {
    fails: ['image.resolution'],
    change: bodies(({ resolution }) => (resolution === '2K' ? { resolution: '1K' } : {})),
    maxImages: 3,
  },
  'images of input images fail': {
    fails: ['input-images.made'],
    change: bodies(({ aspect_ratio, prompt }) =>
      aspect_ratio === 'auto' && prompt !== undefined ? { prompt: '[[refuse]]' } : {},
    ),
    withInput: true,
  },
  'errors have a shape of their own': {
    fails: ['errors.shape'],
    change: answers(isJob, () => ({ detail: undefined, message: 'no' }), 404),
  },
  'errors say nothing that our client knows': {
    fails: ['client.errors', 'errors.shape'],
    change: answers(isJob, () => ({ detail: undefined, reason: 'no' }), 404),
  },
  'a broken body is a bad request': {
    fails: ['body.json'],
    change: () => ({
      answer: ({ status }, request) =>
        isCreate(request) && request.body === undefined && status === 422 ? { status: 400 } : {},
    }),
  },
};
