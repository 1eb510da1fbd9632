import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { errorText } from './error-shapes.js';
import { counted } from './verdict.js';

const ANSWER_WITHIN_MS = 60_000;
const MOST_ATTEMPTS = 5;
const LONGEST_WAIT_MS = 60_000;
/** Temporary answers of proxies and busy services. Source: the contract, "Errors". */
const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527]);

/** The key in a request. */
export type Auth = 'own' | 'wrong' | 'none';

export interface Call {
  readonly method: 'GET' | 'POST';
  /** Below the base URL. */
  readonly path: string;
  /** Default: the own key. */
  readonly auth?: Auth;
  readonly idempotencyKey?: string;
  /** Sent as JSON; a string is sent unchanged. */
  readonly body?: unknown;
}

/** An answer as received. `json` is undefined if the text is not JSON. */
export interface Answer {
  readonly call: Call;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: unknown;
}

/** Every attempt got only temporary faults. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The API by plain HTTP: answers are not interpreted, and all of them are kept. The caller closes it. */
export class Service {
  readonly origin: string;
  /** Every answer, including those of repeated requests. */
  readonly answers: Answer[] = [];
  readonly #base: URL;
  readonly #key: string;
  readonly #signal: AbortSignal;
  readonly #agent = new Agent({ connect: { timeout: 10_000 } });

  constructor(options: { readonly baseUrl: string; readonly key: string; readonly signal: AbortSignal }) {
    this.#base = new URL(options.baseUrl.replace(/\/+$/, ''));
    this.origin = this.#base.origin;
    this.#key = options.key;
    this.#signal = options.signal;
  }

  /**
   * The answer to a call. After a temporary fault the call is repeated, at most five times in all and not before
   * `Retry-After` (at most a minute), if `mayRepeat` agrees: it is called after each fault with whether the server may
   * have executed the request. Throws `NoAnswer`, or the reason of an interruption.
   */
  async ask(call: Call, mayRepeat: (mayBeDone: boolean) => boolean = () => true): Promise<Answer> {
    const what = `${call.method} ${this.#base.href}${call.path}`;
    for (let attempt = 1; ; attempt += 1) {
      let fault: unknown;
      const answer = await this.#once(call).catch((error: unknown) => {
        this.#signal.throwIfAborted();
        fault = error;
        return undefined;
      });
      if (answer !== undefined && !PASSING.has(answer.status)) return answer;
      const goesOn = mayRepeat(answer === undefined ? !NEVER_SENT.has(codeOf(fault)) : mayBeDone(answer));
      if (!goesOn || attempt === MOST_ATTEMPTS) {
        const times = counted(attempt, 'time');
        if (answer === undefined) {
          throw new NoAnswer(`${what} was not answered, ${times}: ${faultOf(fault)}`, { cause: fault });
        }
        const text = errorText(answer.json);
        throw new NoAnswer(`${what} answered ${answer.status} ${times}${text === '' ? '' : `: ${text}`}`);
      }
      await delay(waitMs(answer, attempt), undefined, { signal: this.#signal });
    }
  }

  get(path: string, auth: Auth = 'own'): Promise<Answer> {
    return this.ask({ method: 'GET', path, auth });
  }

  async #once(call: Call): Promise<Answer> {
    const { method, path, auth = 'own', idempotencyKey, body } = call;
    const response = await this.#agent.request({
      origin: this.#base.origin,
      path: this.#base.pathname.replace(/\/$/, '') + path,
      method,
      headers: {
        accept: 'application/json',
        ...(auth === 'none' ? {} : { authorization: `Bearer ${auth === 'own' ? this.#key : WRONG_KEY}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    const text = await response.body.text();
    const answer = { call, status: response.statusCode, headers: flat(response), text, json: parsed(text) };
    this.answers.push(answer);
    return answer;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Looks like a key, but belongs to no account. */
const WRONG_KEY = `contract-suite-wrong-key-${'0'.repeat(16)}`;

function flat({ headers }: Dispatcher.ResponseData): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : `${value}`,
    ]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function waitMs(answer: Answer | undefined, attempt: number): number {
  const header = answer?.headers['retry-after'] ?? '';
  const dateMs = /^[A-Z]/.test(header) ? Date.parse(header) - Date.now() : Number.NaN;
  const askedMs = /^\d+$/.test(header) ? Number(header) * 1000 : dateMs;
  return Math.min(Math.max(0, Number.isNaN(askedMs) ? 250 * 2 ** attempt : askedMs), LONGEST_WAIT_MS);
}

/** After a proxy's fault it is unknown what the service behind it did; after the others it did nothing. */
function mayBeDone({ status }: Answer): boolean {
  return status === 408 || (status >= 500 && status !== 503);
}

/** Connection faults before anything was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || codeOf(error) || error.name;
}
