import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { compareDecimals } from '../src/domain/money/decimal.js';
import { balanceOf } from './balance-answer.js';
import { viewOfClient } from './client-view.js';
import type { Creates } from './creates.js';
import { BoundReached } from './creates.js';
import { goodBody, type Body } from './endpoints.js';
import type { ImageAnswer, SampleEvidence } from './evidence.js';
import { fetchImage } from './image-fetch.js';
import { endOf, imageUrlOf, stateOf } from './job-answer.js';
import type { Sample } from './samples.js';
import { NoAnswer, type Answer, type Service } from './service.js';
import type { WebhookReceiver } from './webhook-receiver.js';

/** Polls for which the account may take to settle after the end, and a webhook to arrive: 30 s by default. */
const SETTLE_WITHIN_POLLS = 15;

/** What making a sample needs. */
export interface Workshop {
  readonly service: Service;
  readonly creates: Creates;
  readonly baseUrl: string;
  readonly key: string;
  readonly inputImage: string | undefined;
  readonly webhook: { readonly url: string; readonly receiver: WebhookReceiver } | undefined;
  readonly pollMs: number;
  readonly jobTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** A create as it was sent, to be repeated with the same key. */
export interface SentCreate {
  readonly sample: Sample;
  readonly body: Body;
  readonly idempotencyKey: string;
}

/**
 * Buys one image and collects everything that the service shows of it until the account has settled. With `thoroughly`
 * its create is repeated with the same key, at once and after the end. Throws what the service throws.
 */
export async function makeSample(
  shop: Workshop,
  sample: Sample,
  thoroughly: boolean,
): Promise<{ readonly evidence: SampleEvidence; readonly sent: SentCreate }> {
  const { service } = shop;
  const path = `/${randomUUID()}`;
  const sent = { sample, body: bodyOf(shop, sample, path), idempotencyKey: randomUUID() };
  const startedMs = performance.now();
  const before = await service.get('/balance');
  const create = await sendCreate(shop, sent, 'first');
  const created = await service.get('/balance');
  const jobId = jobIdOf(create);
  const replays: Answer[] = [];
  const replay = async () => {
    if (!thoroughly || jobId === undefined) return;
    try {
      replays.push(await sendCreate(shop, sent, 'again'));
    } catch (error) {
      // A replay might make a job, too: without room for one it is left out, and its checks report that. The paid image
      // is checked even if a replay has no answer.
      if (!(error instanceof BoundReached || error instanceof NoAnswer)) throw error;
    }
  };
  await replay();
  const replayed = replays.length > 0 ? await service.get('/balance') : undefined;
  const polls = jobId === undefined ? [] : await pollToEnd(shop, jobId);
  const tookMs = performance.now() - startedMs;
  await replay();
  const url = polls.flatMap((poll) => imageUrlOf(poll) ?? []).at(-1);
  const image = url === undefined ? undefined : await imageBehind(url, shop.signal);
  const unsigned = url === undefined ? undefined : await imageBehind(withoutQuery(url), shop.signal);
  const ended = await balanceAtRest(shop, before);
  const { baseUrl, key, signal } = shop;
  const client =
    endOf(polls) === 'done' && jobId !== undefined
      ? await viewOfClient({ baseUrl, key, jobId, signal })
      : undefined;
  const deliveries = jobId === undefined ? [] : await deliveriesTo(shop, path);
  const balances = { before, created, replayed, ended };
  return {
    sent,
    evidence: {
      sample,
      create,
      jobId,
      replays,
      polls,
      tookMs,
      image,
      unsigned,
      balances,
      deliveries,
      client,
    },
  };
}

/** Sends a create, or sends it again with its key. */
export function sendCreate(
  { creates }: Workshop,
  { sample, body, idempotencyKey }: SentCreate,
  how: 'first' | 'again' | 'with another prompt',
): Promise<Answer> {
  const first = how === 'first';
  const purpose = first ? sample.name : `${how}: ${sample.name}`;
  return creates.send(sample.endpoint, body, {
    purpose,
    intended: how !== 'again',
    idempotencyKey,
    again: !first,
  });
}

function bodyOf({ inputImage, webhook }: Workshop, sample: Sample, path: string): Body {
  const { endpoint, aspectRatio, resolution, prompt } = sample;
  return {
    ...goodBody(endpoint, inputImage === undefined ? [] : [inputImage]),
    ...(prompt === undefined ? {} : { prompt }),
    aspect_ratio: aspectRatio,
    ...(endpoint.model === 'nb' ? {} : { resolution }),
    ...(webhook === undefined ? {} : { callback_url: webhook.url.replace(/\/+$/, '') + path }),
  };
}

function jobIdOf({ status, json }: Answer): string | undefined {
  if (status < 200 || status > 299 || typeof json !== 'object' || json === null) return undefined;
  return 'job_id' in json && typeof json.job_id === 'string' ? json.job_id : undefined;
}

/** Polls until the job has ended, and once after that, or until its time is up. */
export async function pollToEnd(
  { service, pollMs, jobTimeoutMs, signal }: Pick<Workshop, 'service' | 'pollMs' | 'jobTimeoutMs' | 'signal'>,
  jobId: string,
): Promise<readonly Answer[]> {
  const polls: Answer[] = [];
  const untilMs = performance.now() + jobTimeoutMs;
  const path = `/jobs/${encodeURIComponent(jobId)}`;
  for (;;) {
    const answer = await service.get(path);
    polls.push(answer);
    const state = stateOf(answer);
    // A done job can temporarily lack its URL.
    const ended = state === 'failed' || (state === 'done' && imageUrlOf(answer) !== undefined);
    if (ended) return [...polls, await service.get(path)];
    if (answer.status !== 200 || performance.now() > untilMs) return polls;
    await delay(pollMs, undefined, { signal });
  }
}

async function imageBehind(url: string, signal: AbortSignal): Promise<ImageAnswer | undefined> {
  try {
    return await fetchImage(url, signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function withoutQuery(url: string): string {
  const bare = new URL(url);
  bare.search = '';
  return bare.href;
}

/** The account once no more is reserved than before, or when that takes too long. */
async function balanceAtRest({ service, pollMs, signal }: Workshop, before: Answer): Promise<Answer> {
  const untilMs = performance.now() + SETTLE_WITHIN_POLLS * pollMs;
  const atFirst = balanceOf(before);
  for (;;) {
    const answer = await service.get('/balance');
    const now = balanceOf(answer);
    const waits = now && atFirst && compareDecimals(now.reserved, atFirst.reserved) > 0;
    if (!waits || performance.now() > untilMs) return answer;
    await delay(pollMs, undefined, { signal });
  }
}

async function deliveriesTo({ webhook, pollMs, signal }: Workshop, path: string) {
  if (webhook === undefined) return [];
  const untilMs = performance.now() + SETTLE_WITHIN_POLLS * pollMs;
  for (;;) {
    const mine = webhook.receiver.deliveries.filter((delivery) => delivery.path.endsWith(path));
    if (mine.length > 0 || performance.now() > untilMs) return mine;
    await delay(Math.min(pollMs, 100), undefined, { signal });
  }
}
