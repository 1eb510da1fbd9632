import { createHash } from 'node:crypto';
import QuickLRU from 'quick-lru';
import { keptTextOf, withFingerprint } from '../domain/kept-text.js';
import type { GenerationRecord, SettledEnd } from '../domain/outcome.js';
import { at, serviceTextKey, type RunRef } from '../storage/layout.js';
import type { ObjectStore } from '../storage/object-store.js';

/** Texts remembered, so that one which comes again costs no request. */
const MOST_KNOWN = 2_000;
/** More distinct texts of a run are not kept by one worker: a service that numbers its errors must not fill the bucket. */
const MOST_OF_A_RUN = 10_000;
const MOST_RUNS = 100;
const PUT_WITHIN_MS = 3_000;
/** After a put that failed none is tried for this long: no row waits for the bucket because of a text. */
const REST_MS = 30_000;

/**
 * Keeps the service's texts in the bucket, each under its fingerprint, so that history holds none of their words. A text
 * that cannot be kept costs its row nothing: our sentence stands alone then.
 */
export class ServiceTexts {
  readonly #store: Pick<ObjectStore, 'put' | 'readText'>;
  readonly #known = new QuickLRU<string, string>({ maxSize: MOST_KNOWN });
  readonly #countOf = new QuickLRU<string, number>({ maxSize: MOST_RUNS });
  #restUntilMs = 0;

  constructor(store: Pick<ObjectStore, 'put' | 'readText'>) {
    this.#store = store;
  }

  /** What may enter history in the place of a redacted text. */
  async keep(run: RunRef, text: string, sentence: string): Promise<string> {
    const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const key = serviceTextKey(run, fingerprint);
    if (this.#known.get(key) === undefined && !(await this.#put(run, key, text))) return sentence;
    this.#known.set(key, text);
    return withFingerprint({ sentence, fingerprint });
  }

  /** The message as people read it: the service's text where it was kept. */
  async shown(run: RunRef, message: string): Promise<string> {
    const kept = keptTextOf(message);
    if (!kept) return message;
    const key = serviceTextKey(run, kept.fingerprint);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    try {
      const text = await this.#store.readText(at(run, key));
      this.#known.set(key, text);
      return text;
    } catch {
      return kept.sentence;
    }
  }

  /** A row's end and generations as people read them. */
  async shownOf<
    Row extends {
      readonly end?: SettledEnd | undefined;
      readonly generations: readonly GenerationRecord[];
    },
  >(run: RunRef, row: Row): Promise<Row> {
    const { end } = row;
    const generations = await Promise.all(
      row.generations.map(async (record) =>
        record.message === undefined ? record : { ...record, message: await this.shown(run, record.message) },
      ),
    );
    if (end?.kind !== 'failed') return { ...row, generations };
    return { ...row, generations, end: { ...end, message: await this.shown(run, end.message) } };
  }

  async #put(run: RunRef, key: string, text: string): Promise<boolean> {
    const ofRun = `${run.root}${run.runSeq}`;
    const count = this.#countOf.get(ofRun) ?? 0;
    if (count >= MOST_OF_A_RUN || Date.now() < this.#restUntilMs) return false;
    try {
      const signal = AbortSignal.timeout(PUT_WITHIN_MS);
      await this.#store.put(at(run, key), Buffer.from(text), {
        contentType: 'text/plain; charset=utf-8',
        signal,
      });
    } catch {
      this.#restUntilMs = Date.now() + REST_MS;
      return false;
    }
    this.#countOf.set(ofRun, count + 1);
    return true;
  }
}
