import type { JobFailureClass } from '../domain/rows/failure-kind.js';
import {
  type Model,
  type Resolution,
  modeWith,
  rulesFor,
  type InputMode,
} from '../domain/rows/generation-settings.js';
import type { JobId } from '../domain/rows/ids.js';

/** The account of jobs and charges: the API's origin and a fingerprint of the key (never the key). */
export type AccountId = string & { readonly brand: 'AccountId' };

export interface CreateGenerationRequest {
  readonly prompt: string;
  readonly model: Model;
  readonly aspectRatio: string;
  readonly resolution: Resolution;
  /** Where the service fetches the input images; empty for text-to-image. Presigned ones are secret. */
  readonly inputImageUrls: readonly string[];
  /** Where the service reports the end of the job. */
  readonly callbackUrl?: string;
}

/**
 * A job as returned by its GET. `failure` is the class of the whole reason, of which `message` may be a part.
 * `pausedNotice` is set if an unfinished job carries a pause notice; `endedAgoMs` is from its end to this answer by
 * the service's own clock, in whole seconds.
 */
export type Job =
  | { readonly kind: 'unfinished'; readonly status: string; readonly pausedNotice?: string }
  | { readonly kind: 'done'; readonly imageUrl: string; readonly endedAgoMs?: number }
  | { readonly kind: 'failed'; readonly failure: JobFailureClass; readonly message: string };

/** Decimal strings, as the service sends them. */
export interface Balance {
  readonly balance: string;
  readonly reserved: string;
  readonly available: string;
}

/**
 * The BananaHub API. Every method throws only `BananaHubError`, after at most its time limit, except that it throws
 * the reason of the caller's own signal if that was aborted.
 */
export interface BananaHubClient {
  /** Changes when the key is replaced in its file. */
  readonly account: AccountId;
  /** Whether the key comes from a file, where it may be replaced. */
  readonly hasKeyFile: boolean;
  /** Reads the key's file again, if there is one; so does every 401, which is not sent again with a new key. */
  renewKey(): void;
  /** Whether the service is known to be a sandbox: a folder's own, or one that has said so in an answer. */
  isSandbox(): boolean;
  /**
   * Creates one generation; the same key returns the same job, without a second charge. A create that failed with
   * `timeout`, `network` or `bad-answer` may have been charged: repeat it with the same key.
   */
  createGeneration(
    request: CreateGenerationRequest,
    options: {
      readonly idempotencyKey: string;
      readonly signal?: AbortSignal;
      /** Send only with this account's key: `unauthorized` if the key was replaced meanwhile. */
      readonly account?: AccountId;
    },
  ): Promise<{ readonly jobId: JobId }>;
  /** The job's present state; an `imageUrl` is fresh, secret and short-lived. */
  getJob(jobId: JobId, signal?: AbortSignal): Promise<Job>;
  getBalance(signal?: AbortSignal): Promise<Balance>;
  close(): Promise<void>;
}

/** The API with some methods replaced; all others go through to it. */
export function withMethods(
  api: BananaHubClient,
  methods: Partial<Pick<BananaHubClient, 'createGeneration' | 'getJob' | 'getBalance'>>,
): BananaHubClient {
  return {
    get account() {
      return api.account;
    },
    hasKeyFile: api.hasKeyFile,
    renewKey: () => api.renewKey(),
    isSandbox: () => api.isSandbox(),
    createGeneration: (request, options) => api.createGeneration(request, options),
    getJob: (jobId, signal) => api.getJob(jobId, signal),
    getBalance: (signal) => api.getBalance(signal),
    close: () => api.close(),
    ...methods,
  };
}

const FOLDERS: Readonly<Record<Model, string>> = { nb: '/nb', nb2: '/nb2', pro: '' };
const ENDPOINTS: Readonly<Record<InputMode, string>> = {
  text: '/text-generations',
  image: '/url-generations',
};

/** The path below the base URL and the JSON body of a create. Source: the API contract, "Models and endpoints". */
export function createEndpoint(request: CreateGenerationRequest): {
  readonly path: string;
  readonly body: Readonly<Record<string, string | readonly string[]>>;
} {
  const { prompt, model, aspectRatio, resolution, inputImageUrls, callbackUrl } = request;
  const mode = modeWith(inputImageUrls);
  return {
    path: `${FOLDERS[model]}${ENDPOINTS[mode]}`,
    body: {
      prompt,
      aspect_ratio: aspectRatio,
      ...(rulesFor(model, mode).sendsResolution && { resolution }),
      ...(mode === 'image' && { input_images_urls: inputImageUrls }),
      ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    },
  };
}
