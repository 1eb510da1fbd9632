import type { Change, Json, PassingRequest } from './services/changing-proxy.js';

/** The key that the suite uses. */
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
  /** Made again for each run: some count. */
  readonly change: (places: Places) => Change;
  /** Images that the run may buy; default 2. */
  readonly maxImages?: number;
  readonly withInput?: boolean;
  readonly withWebhook?: boolean;
  readonly failingPrompt?: string;
  /** Default 20 s. */
  readonly jobTimeoutMs?: number;
}

export const isCreate = ({ method }: PassingRequest) => method === 'POST';
export const isJob = ({ path, method }: PassingRequest) => method === 'GET' && path.includes('/jobs/');
export const isBalance = ({ path }: PassingRequest) => path.endsWith('/balance');

/** Changes bodies of creates before the server sees them, so that it accepts what it should refuse, or vice versa. */
export function bodies(change: (body: Json, path: string) => Json): () => Change {
  return () => ({
    request: (request) =>
      isCreate(request) && request.body !== undefined
        ? { body: { ...request.body, ...change(request.body, request.path) } }
        : {},
  });
}

/** Changes the JSON of answers. */
export function answers(
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

export function statuses(
  to: (request: PassingRequest) => boolean,
  from: number,
  status: number,
): () => Change {
  return () => ({
    answer: (answer, request) => (to(request) && answer.status === from ? { status } : {}),
  });
}

export const cents = (value: unknown, more: number) => (Number(value) + more / 100).toFixed(2);

/** Changes the answer to one poll of each job that is done. */
export function nthDone(nth: number, change: (body: Json) => Json): () => Change {
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

/** Changes images, which are then served by the API's own host. */
export function images(change: (bytes: Buffer, nth: number) => Buffer | Promise<Buffer>) {
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

/** After how many finished jobs an account looks different, and how. */
export function accounts(change: (body: Json, ended: number) => Json): () => Change {
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

export const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const whenString = (value: unknown, from: string, to: string) =>
  typeof value === 'string' ? value.replace(from, to) : value;

export function onHost(body: Json, from: string, to: string): Json {
  const { result } = body;
  if (typeof result !== 'object' || result === null || !('image_url' in result)) return {};
  return { result: { image_url: whenString(result.image_url, from, to) } };
}
