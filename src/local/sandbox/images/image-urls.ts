import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

/** The result of checking an image URL. */
export type UrlCheck =
  | { readonly kind: 'valid'; readonly jobId: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'forged' }
  | { readonly kind: 'unknown' };

/** Makes and checks presigned image URLs; each is unique. */
export class ImageUrls {
  readonly #origin: string;
  readonly #secret: string;

  constructor(origin: string, secret: string) {
    this.#origin = origin;
    this.#secret = secret;
  }

  #sign(jobId: string, date: string, ttl: string, nonce: string): string {
    return createHmac('sha256', this.#secret).update([jobId, date, ttl, nonce].join('\n')).digest('hex');
  }

  /** A URL of a job's image, valid from `now` for `ttlMs`; `X-Amz-Expires` has that in seconds, as in real stores. */
  make(jobId: string, now: number, ttlMs: number): string {
    const date = String(now);
    const ttl = String(ttlMs / 1000);
    const nonce = randomUUID();
    const query = new URLSearchParams({
      'X-Amz-Algorithm': 'SANDBOX-HMAC-SHA256',
      'X-Amz-Date': date,
      'X-Amz-Expires': ttl,
      'X-Amz-Security-Token': nonce,
      'X-Amz-Signature': this.#sign(jobId, date, ttl, nonce),
    });
    return `${this.#origin}/results/${jobId}.png?${query.toString()}`;
  }

  /** Checks the path and query of a request. */
  check(url: URL, now: number): UrlCheck {
    const jobId = /^\/results\/([\w-]+)\.png$/.exec(url.pathname)?.[1];
    if (jobId === undefined) return { kind: 'unknown' };
    const field = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? '';
    const expected = Buffer.from(this.#sign(jobId, field('Date'), field('Expires'), field('Security-Token')));
    const given = Buffer.from(field('Signature'));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { kind: 'forged' };
    if (now > Number(field('Date')) + Number(field('Expires')) * 1000) return { kind: 'expired' };
    return { kind: 'valid', jobId };
  }
}
