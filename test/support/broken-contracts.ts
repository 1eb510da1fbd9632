import { randomUUID } from 'node:crypto';
import { Transformer } from '@napi-rs/image';
import type { Change, Json, PassingRequest } from './changing-proxy.js';

/** The key of the account that the suite is given. */
export const ACCOUNT_KEY = 'a-secret-key-of-the-account';

/** Origins of the server itself and of the image host behind it, and an image to start from. */
export interface Places {
  readonly own: string;
  readonly images: string;
  readonly input: string;
}

/** A server that breaks one rule of the contract. */
export interface BrokenContract {
  /** The checks that fail, and no others. */
  readonly fails: readonly string[];
  /** Made afresh for each run: some count. */
  readonly change: (places: Places) => Change;
  /** Images that the run may buy; default 2. */
  readonly maxImages?: number;
  readonly withInput?: boolean;
  readonly withWebhook?: boolean;
  readonly failingPrompt?: string;
}

const isCreate = ({ method }: PassingRequest) => method === 'POST';
const isJob = ({ path, method }: PassingRequest) => method === 'GET' && path.includes('/jobs/');
const isBalance = ({ path }: PassingRequest) => path.endsWith('/balance');

/** Changes bodies of creates before the server sees them: it takes what it should refuse, or the other way round. */
function bodies(change: (body: Json, path: string) => Json): () => Change {
  return () => ({
    request: (request) =>
      isCreate(request) && request.body !== undefined
        ? { body: { ...request.body, ...change(request.body, request.path) } }
        : {},
  });
}

/** Changes the JSON of answers. */
function answers(
  to: (request: PassingRequest) => boolean,
  change: (body: Json) => Json,
  status = 200,
): () => Change {
  return () => ({
    answer: (answer, request) =>
      to(request) && answer.status === status && answer.body !== undefined
        ? { body: { ...answer.body, ...change(answer.body) } }
        : {},
  });
}

function statuses(to: (request: PassingRequest) => boolean, from: number, status: number): () => Change {
  return () => ({
    answer: (answer, request) => (to(request) && answer.status === from ? { status } : {}),
  });
}

const cents = (value: unknown, more: number) => (Number(value) + more / 100).toFixed(2);

/** Changes the answer to one poll of each job that is done. */
function nthDone(nth: number, change: (body: Json) => Json): () => Change {
  return () => {
    const polls = new Map<string, number>();
    return {
      answer: ({ body }, { path }) => {
        if (body?.['status'] !== 'done') return {};
        polls.set(path, (polls.get(path) ?? 0) + 1);
        return polls.get(path) === nth ? { body: change(body) } : {};
      },
    };
  };
}

/** Changes images, which are served by the API's own host then. */
function images(change: (bytes: Buffer, nth: number) => Buffer | Promise<Buffer>) {
  return ({ own, images }: Places): Change => {
    let count = 0;
    return {
      answer: async ({ body, bytes, status }, request) => {
        if (isJob(request) && body !== undefined) return { body: { ...body, ...onHost(body, images, own) } };
        if (!request.path.startsWith('/results/') || status !== 200) return {};
        count += 1;
        return { bytes: await change(bytes, count) };
      },
    };
  };
}

/** After how many ended jobs an account looks different, and how. */
function accounts(change: (body: Json, ended: number) => Json): () => Change {
  return () => {
    const ended = new Set<string>();
    return {
      answer: ({ body, status }, request) => {
        if (isJob(request) && body?.['status'] === 'done') ended.add(request.path);
        return isBalance(request) && status === 200 && body
          ? { body: { ...body, ...change(body, ended.size) } }
          : {};
      },
    };
  };
}

/** Servers that differ from the sandbox in one thing, each by what is wrong with it. */
export const BROKEN_CONTRACTS: Readonly<Record<string, BrokenContract>> = {
  'reads without a key are answered': {
    fails: ['auth.reads'],
    change: () => ({
      request: (request) =>
        isBalance(request) ? { headers: { ...request.headers, authorization: `Bearer ${ACCOUNT_KEY}` } } : {},
    }),
  },
  'creates without a key are forbidden': { fails: ['auth.creates'], change: statuses(isCreate, 401, 403) },
  'unknown jobs are gone': { fails: ['jobs.unknown'], change: statuses(isJob, 404, 410) },
  'an endpoint is missing': {
    fails: ['models.endpoints'],
    change: () => ({
      request: (request) => (request.path.includes('/nb2/url') ? { path: '/api/v1/nothing' } : {}),
    }),
  },
  'an empty prompt is taken': {
    fails: ['prompt.required'],
    change: bodies(({ prompt }) => (prompt === '' ? { prompt: 'x' } : {})),
    maxImages: 3,
  },
  'null bytes are refused': {
    fails: ['prompt.null-bytes'],
    change: bodies(({ prompt }) => (textOf(prompt).includes('\0 y') ? { prompt: 7 } : {})),
  },
  'an aspect ratio is made up': {
    fails: ['aspect-ratio.required'],
    change: bodies(({ aspect_ratio, prompt }) =>
      aspect_ratio === undefined && !textOf(prompt).includes('\0') ? { aspect_ratio: '1:1' } : {},
    ),
    maxImages: 4,
  },
  'an aspect ratio is not known': {
    fails: ['aspect-ratio.taken'],
    change: bodies(({ aspect_ratio }) => (aspect_ratio === '21:9' ? { aspect_ratio: '22:9' } : {})),
  },
  'NanoBanana takes long ratios': {
    fails: ['aspect-ratio.refused'],
    change: bodies(({ aspect_ratio }, path) =>
      path.includes('/nb/') && aspect_ratio === '1:8' ? { aspect_ratio: '1:1' } : {},
    ),
  },
  'NanoBanana takes a resolution': {
    fails: ['resolution.nb'],
    change: bodies((_, path) => (path.includes('/nb/') ? { resolution: undefined } : {})),
  },
  'a resolution is made up': {
    fails: ['resolution.required'],
    change: bodies(({ resolution }, path) =>
      path.includes('/nb/') || resolution !== undefined ? {} : { resolution: '1K' },
    ),
  },
  'a large resolution is taken': {
    fails: ['resolution.refused'],
    change: bodies(({ resolution }) => (resolution === 'large' ? { resolution: '1K' } : {})),
  },
  '4K is not known': {
    fails: ['resolution.taken'],
    change: bodies(({ resolution }) => (resolution === '4K' ? { resolution: '5K' } : {})),
  },
  'more than 14 input images are taken': {
    fails: ['input-images.count'],
    change: bodies(({ input_images_urls: urls }) =>
      Array.isArray(urls) ? { input_images_urls: urls.slice(0, 14) } : {},
    ),
    withInput: true,
    maxImages: 3,
  },
  '14 input images are too many': {
    fails: ['input-images.taken'],
    change: bodies(({ input_images_urls: urls }) =>
      Array.isArray(urls) ? { input_images_urls: [...urls, ...urls.slice(1, 2)] } : {},
    ),
  },
  'an input image may be anything': {
    fails: ['input-images.scheme'],
    change: ({ input }) =>
      bodies(({ input_images_urls: urls }) =>
        Array.isArray(urls) && urls.includes('no url') ? { input_images_urls: [input] } : {},
      )(),
    withInput: true,
  },
  'unreachable input images do not matter': {
    fails: ['input-images.unreachable'],
    change: ({ input }) =>
      bodies(({ input_images_urls: urls }) =>
        Array.isArray(urls) && urls.length === 1 && `${urls[0]}`.includes('.invalid/input')
          ? { input_images_urls: [input] }
          : {},
      )(),
  },
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
    change: answers(isCreate, () => ({ job_id: '../job' }), 202),
  },
  'webhooks are not sent': {
    fails: ['webhook.posted'],
    change: bodies(({ callback_url: url }) =>
      typeof url === 'string' && url.startsWith('http') ? { callback_url: undefined } : {},
    ),
    withWebhook: true,
  },
  'webhooks tell another job': {
    fails: ['webhook.same-json'],
    change: answers(isJob, () => ({ created_at: '2020-01-01T00:00:00Z' })),
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

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const whenString = (value: unknown, from: string, to: string) =>
  typeof value === 'string' ? value.replace(from, to) : value;

function onHost(body: Json, from: string, to: string): Json {
  const { result } = body;
  if (typeof result !== 'object' || result === null || !('image_url' in result)) return {};
  return { result: { image_url: whenString(result.image_url, from, to) } };
}
