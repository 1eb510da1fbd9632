import { IdLines } from './id-lines.js';
import type { ContentHash, RowId } from '../rows/ids.js';

const MAX_ID_CHARACTERS = 200;
const MAX_SLUG_CHARACTERS = 40;
/** How much of a prompt its slug is made from. */
const SLUGGED_CHARACTERS = 160;
const HASH_CHARACTERS = 12;
/** Suffixes that we append: `~d2` for a repeat, `~1` for a replica, in that order. */
const OUR_SUFFIX = /^[^~]+(?:~d[1-9]\d*)?(?:~[1-9]\d*)?$/;

/**
 * The rule that an id from a sheet breaks, as a sentence; undefined for a valid id.
 *
 * `mayHaveSuffix` allows the suffixes that we append: true only for our own failures.csv, which has the rows' final
 * ids.
 */
export function brokenRowIdRule(id: string, mayHaveSuffix: boolean): string | undefined {
  if (id.length > MAX_ID_CHARACTERS) return `an id must have at most ${MAX_ID_CHARACTERS} characters`;
  if (/\p{Cc}/u.test(id)) return 'an id must not contain control characters such as line breaks or tabs';
  if (id.includes('~') && !(mayHaveSuffix && OUR_SUFFIX.test(id))) {
    return 'an id must not contain "~", which is reserved for the copies of a row (id~1, id~2, …)';
  }
  return undefined;
}

/**
 * At most 40 characters of `a-z`, `0-9` and single hyphens that resemble the prompt; empty if the prompt has none of
 * them, as in many scripts. Implemented here, since a library's improved transliteration would change the ids of
 * existing rows.
 */
export function promptSlug(prompt: string): string {
  return prompt
    .slice(0, SLUGGED_CHARACTERS)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}'’]+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, MAX_SLUG_CHARACTERS)
    .replace(/-$/, '');
}

/**
 * The id of a row without one of its own: `<slug>-<12 hex>`, or only the hex if the slug is empty. Hex of digits only
 * gets the prefix `row-`, since a spreadsheet would reformat it as a number.
 */
export function derivedRowId(prompt: string, contentHash: ContentHash): string {
  const slug = promptSlug(prompt);
  const hash = contentHash.slice(0, HASH_CHARACTERS);
  if (slug === '') return BARE_NUMBER.test(hash) ? `row-${hash}` : hash;
  return `${slug}-${hash}`;
}

const BARE_NUMBER = /^\d{12}$/;
const MADE_OF_NUMBER = /^row-(\d{12}(?:~d[1-9]\d*)?(?:~[1-9]\d*)?)$/;
const FORMER_NUMBER = /^\d{12}(?:~d[1-9]\d*)?(?:~[1-9]\d*)?$/;

/** The former id, without `row-`, of a row with such a derived id; undefined for any other id. */
export function formerRowId(rowId: string): RowId | undefined {
  const [, former] = MADE_OF_NUMBER.exec(rowId) ?? [];
  return former === undefined ? undefined : (former as RowId);
}

/** The present id of a row whose derived id may lack `row-`; undefined for any other id. */
export function presentRowId(rowId: string): RowId | undefined {
  return FORMER_NUMBER.test(rowId) ? (`row-${rowId}` as RowId) : undefined;
}

/** A record that needs ids. */
export interface RowIdRequest {
  /** The record's own id, trimmed and checked; undefined to derive one. */
  readonly id: string | undefined;
  /** Derived ids resemble it. */
  readonly prompt: string;
  /** Covers the content of the record: equal for identical records. */
  readonly contentHash: ContentHash;
  /** Number of images of this record: each gets an id. */
  readonly count: number;
  /** 1-based line on which the record starts. */
  readonly line: number;
}

export type RowIdAnswer =
  | {
      readonly kind: 'given';
      /** The prefix of the record's ids: unique in the sheet, and the same for any count. */
      readonly base: string;
      readonly rowIds: readonly RowId[];
    }
  | { readonly kind: 'taken'; readonly rowId: string; readonly firstLine: number };

/**
 * Assigns ids to the records of one sheet in order, never the same id twice and always the same for the same sheet.
 * For an own id that is already in use it returns the line that has it; a derived one gets `~d2`, `~d3`, ….
 *
 * Uses some 40 bytes of memory an id.
 */
export class RowIds {
  readonly #lines = new IdLines();
  readonly #repeats = new Map<string, number>();

  /** The ids of one record: the base id for one image, `~1` … `~n` for several. */
  give(request: RowIdRequest): RowIdAnswer {
    return request.id === undefined ? this.#derive(request) : this.#claim(request.id, request);
  }

  #derive(request: RowIdRequest): RowIdAnswer {
    const base = derivedRowId(request.prompt, request.contentHash);
    const first = this.#claim(base, request);
    if (first.kind === 'given') return first;
    for (let repeat = (this.#repeats.get(base) ?? 1) + 1; ; repeat += 1) {
      const answer = this.#claim(`${base}~d${repeat}`, request);
      if (answer.kind === 'taken') continue;
      this.#repeats.set(base, repeat);
      return answer;
    }
  }

  #claim(base: string, { count, line }: RowIdRequest): RowIdAnswer {
    const replicas = count === 1 ? [] : Array.from({ length: count }, (_, index) => `${base}~${index + 1}`);
    // Only an edited failures.csv has replicas among its own ids. All or nothing: no replica is claimed without the others.
    for (const rowId of replicas) {
      const firstLine = this.#lines.lineOf(rowId);
      if (firstLine !== undefined) return { kind: 'taken', rowId, firstLine };
    }
    const firstLine = this.#lines.claim(base, line);
    if (firstLine !== undefined) return { kind: 'taken', rowId: base, firstLine };
    for (const rowId of replicas) this.#lines.claim(rowId, line);
    return { kind: 'given', base, rowIds: (count === 1 ? [base] : replicas).map((id) => id as RowId) };
  }
}
