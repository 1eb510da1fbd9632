import { accountIdOf } from './account-id.js';
import { readKeyFile } from './api-key.js';
import type { AccountId } from './client.js';
import { secretRedactor, type Redact } from './texts/redact-secrets.js';

/** A job's id is paid for: a short accidental match does not make it a secret. */
const SHORTEST_IN_ID = 8;
const SHORTEST_RUN_IN_ID = 16;

export interface KeyRingOptions {
  readonly baseUrl: URL;
  readonly apiKey: string;
  /** The file from which the key is read again. */
  readonly apiKeyFile?: string;
  readonly account?: AccountId;
  readonly secrets?: readonly string[];
}

/** The present key and earlier ones: no text may repeat any of them. */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #secrets: string[];
  #key: string;
  #redact: Redact;
  #redactId: Redact;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#key = options.apiKey;
    this.#secrets = [options.apiKey, ...(options.secrets ?? [])];
    [this.#redact, this.#redactId] = redactorsOf(this.#secrets);
  }

  get key(): string {
    return this.#key;
  }

  /** The present key's account. */
  get account(): AccountId {
    return this.#options.account ?? accountIdOf(this.#options.baseUrl, this.#key);
  }

  readonly redact: Redact = (text) => this.#redact(text);

  readonly redactId: Redact = (text) => this.#redactId(text);

  /** Reads the key again after a refusal: it may have been replaced in its file. */
  renew(): void {
    const { apiKeyFile } = this.#options;
    const key = apiKeyFile === undefined ? undefined : readKeyFile(apiKeyFile);
    if (key === undefined || key === this.#key) return;
    this.#key = key;
    if (this.#secrets.includes(key)) return;
    this.#secrets.unshift(key);
    [this.#redact, this.#redactId] = redactorsOf(this.#secrets);
  }
}

function redactorsOf(secrets: readonly string[]): [Redact, Redact] {
  const long = secrets.filter(({ length }) => length >= SHORTEST_IN_ID);
  return [secretRedactor(secrets), secretRedactor(long, { shortestRun: SHORTEST_RUN_IN_ID })];
}
