import { createHash } from 'node:crypto';
import QuickLRU from 'quick-lru';
import { withText, type FailureMessage } from '../domain/text/failure-message.js';
import type { GenerationRecord, SettledEnd } from '../domain/rows/outcome.js';
import { at, serviceTextKey, serviceTextsPrefix, type RunRef } from '../storage/layout.js';
import { StorageError, type ObjectStore } from '../storage/object-store.js';

type TextStore = Pick<ObjectStore, 'put' | 'readText' | 'list'>;

/** A service that numbers its errors must not fill the bucket: more texts of a run are not kept. */
const MOST_OF_A_RUN = 10_000;
/** After this many own puts a worker checks how many texts others have added. */
const PUTS_PER_LISTING = 500;
const MOST_RUNS = 20;
const MOST_READ = 2_000;
const LIST_WITHIN_MS = 5_000;
const PUT_WITHIN_MS = 3_000;
/** After a failed request none is sent for this long: no row waits for the bucket because of a text. */
const REST_MS = 30_000;

/** The texts of a run known to be in the bucket, and those being put there. */
interface KeptTexts {
  readonly ids: Set<string>;
  readonly puts: Map<string, Promise<void>>;
  putsLeft: number;
}

/**
 * Keeps texts of the service and the image host in the bucket, each under its fingerprint, so that the history does
 * not need them. If a text cannot be kept, the row is unaffected and only our own message is left.
 */
export class ServiceTexts {
  readonly #store: TextStore;
  readonly #mostOfRun: number;
  readonly #kept = new QuickLRU<string, Promise<KeptTexts>>({ maxSize: MOST_RUNS });
  readonly #read = new QuickLRU<string, string>({ maxSize: MOST_READ });
  #restUntilMs = 0;

  constructor(store: TextStore, { mostOfRun = MOST_OF_A_RUN }: { readonly mostOfRun?: number } = {}) {
    this.#store = store;
    this.#mostOfRun = mostOfRun;
  }

  /** Keeps a text, redacted and shortened; returns its id, or nothing if it is not kept. Never throws. */
  async keep(run: RunRef, text: string | undefined): Promise<Pick<FailureMessage, 'textId'>> {
    if (!text || Date.now() < this.#restUntilMs) return {};
    const textId = createHash('sha256').update(text).digest('hex').slice(0, 16);
    try {
      const kept = await this.#keptOf(run);
      if (!kept.ids.has(textId)) {
        const isFull = kept.ids.size + kept.puts.size >= this.#mostOfRun;
        if (isFull && !kept.puts.has(textId)) return {};
        await this.#put(run, kept, textId, text);
      }
    } catch {
      this.#restUntilMs = Date.now() + REST_MS;
      return {};
    }
    this.#read.set(serviceTextKey(run, textId), text);
    return { textId };
  }

  /** A failure for users, without its `textId`, but with the text if it is in the bucket. Throws `StorageError`. */
  async shown<Failure extends Partial<FailureMessage>>(
    run: RunRef,
    failure: Failure,
  ): Promise<Omit<Failure, 'textId'>> {
    const { textId, ...shown } = failure;
    const text = textId === undefined ? undefined : await this.text(run, textId);
    return text === undefined ? shown : { ...shown, message: withText(failure.message ?? '', text) };
  }

  /** A row's end and generations for users. Throws `StorageError`. */
  async shownOf<
    Row extends { readonly end?: SettledEnd | undefined; readonly generations: readonly GenerationRecord[] },
  >(run: RunRef, row: Row): Promise<Row> {
    const { end } = row;
    const generations: GenerationRecord[] = [];
    for (const record of row.generations) generations.push(await this.shown(run, record));
    return { ...row, generations, ...(end?.kind === 'failed' && { end: await this.shown(run, end) }) };
  }

  /** A text by its id; undefined if it is not in the bucket. Throws `StorageError`. */
  async text(run: RunRef, textId: string, signal?: AbortSignal): Promise<string | undefined> {
    const key = serviceTextKey(run, textId);
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    try {
      const text = await this.#store.readText(at(run, key), signal);
      this.#read.set(key, text);
      return text;
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #keptOf(run: RunRef): Promise<KeptTexts> {
    const prefix = serviceTextsPrefix(run);
    const pending = this.#kept.get(prefix);
    const known = await pending;
    const isFull = known && known.ids.size >= this.#mostOfRun;
    if (known && (isFull || known.putsLeft > 0)) return known;
    // Another call may be listing it already.
    if (pending !== this.#kept.get(prefix)) return this.#keptOf(run);
    const listing = this.#list(run, prefix);
    this.#kept.set(prefix, listing);
    listing.catch(() => this.#kept.delete(prefix));
    return listing;
  }

  async #list(run: RunRef, prefix: string): Promise<KeptTexts> {
    const ids = new Set<string>();
    for await (const { key } of this.#store.list(run.bucket, prefix, AbortSignal.timeout(LIST_WITHIN_MS))) {
      ids.add(key.slice(prefix.length).replace(/\.txt$/, ''));
      if (ids.size >= this.#mostOfRun) break;
    }
    return { ids, puts: new Map(), putsLeft: Math.min(PUTS_PER_LISTING, this.#mostOfRun) };
  }

  /** Once, even if many rows fail for the same reason at once. */
  #put(run: RunRef, kept: KeptTexts, textId: string, text: string): Promise<void> {
    const underWay = kept.puts.get(textId);
    if (underWay) return underWay;
    const put = async (): Promise<void> => {
      try {
        await this.#store.put(at(run, serviceTextKey(run, textId)), Buffer.from(text), {
          contentType: 'text/plain; charset=utf-8',
          signal: AbortSignal.timeout(PUT_WITHIN_MS),
        });
        kept.ids.add(textId);
        kept.putsLeft -= 1;
      } finally {
        kept.puts.delete(textId);
      }
    };
    const started = put();
    kept.puts.set(textId, started);
    return started;
  }
}
