import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { pMapIterable } from 'p-map';
import {
  NearDuplicateFinder,
  type AlikeImages as AlikeGroups,
  type NearDuplicates,
} from '../../domain/images/near-duplicates.js';
import type { RowId } from '../../domain/rows/ids.js';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { NO_SAME_BYTES, SameBytesFinder, type SameBytes } from '../../domain/images/same-bytes.js';
import { hashThumbnail } from '../worker/images/thumbnail.js';
import { OutcomeLine } from '../../ledger/documents.js';
import { readJsonLines } from '../../ledger/files/json-lines.js';
import type { LedgerFiles } from '../../ledger/files/ledger-files.js';
import {
  at,
  imageFileAt,
  nearDuplicatesKey,
  outcomesKey,
  thumbnailKey,
  type RunRef,
} from '../../storage/layout.js';
import { StorageError, type ObjectStore } from '../../storage/object-store.js';
import type { AlikeRows } from './contact-sheet-files.js';
import type { SealedRow } from './sealed-rows.js';

const THUMBNAILS_AT_ONCE = 16;
/** Maximum of images of each kind that the contact sheet shows together. */
const SHOWN = 20_000;
/** Maximum of images in `near-duplicates.csv`: nobody reviews more. */
const LISTED = 100_000;
const EXAMPLES = 20;
const ROWS_AN_EXAMPLE = 5;

const COLUMNS = ['group', 'id', 'file_name', 'distance'];

/** An image that is identical or similar to others. */
interface AlikeImage {
  readonly position: number;
  readonly group: number;
  readonly distance: number;
  readonly rowId: RowId;
  readonly imageKey: string;
}

/** Finds images of a seal that are identical and, if requested, those that look similar. */
export class AlikeImages {
  readonly #store: ObjectStore;
  readonly #run: RunRef;
  readonly #isRequested: boolean;
  readonly #sameBytes = new SameBytesFinder();
  readonly #looks = new NearDuplicateFinder();
  #notCompared = 0;

  /** `isRequested`: also search for near-duplicates. */
  constructor(store: ObjectStore, run: RunRef, isRequested: boolean) {
    this.#store = store;
    this.#run = run;
    this.#isRequested = isRequested;
  }

  /** The rows in order; each is recorded on the way. If near-duplicates are requested, an image stored without a perceptual hash gets it from its thumbnail. */
  async *noted(rows: AsyncIterable<SealedRow>): AsyncGenerator<SealedRow> {
    const hashed = this.#isRequested
      ? pMapIterable(rows, (sealed) => this.#hashed(sealed), { concurrency: THUMBNAILS_AT_ONCE })
      : rows;
    for await (const sealed of hashed) {
      const { outcome } = sealed;
      this.#sameBytes.note(outcome);
      if (this.#isRequested && outcome.end.kind === 'stored') {
        const { perceptualHash } = outcome.end.image;
        if (perceptualHash === undefined) this.#notCompared += 1;
        else this.#looks.note(perceptualHash);
      }
      yield sealed;
    }
  }

  /** The result for the rows, whose outcomes are stored by now; stores `near-duplicates.csv` if requested. */
  async report(
    files: LedgerFiles,
    delimiter: string,
  ): Promise<{
    readonly sameBytes: SameBytes;
    readonly nearDuplicates: NearDuplicates | undefined;
    readonly lists: readonly AlikeRows[];
  }> {
    const groups = this.#isRequested ? await this.#looks.find(() => setImmediate()) : undefined;
    const alike = await this.#gather(groups);
    if (!groups) return { sameBytes: alike.sameBytes, nearDuplicates: undefined, lists: [alike.sameList] };
    const csv = files.openCsv();
    for (const { group, rowId, imageKey, distance } of alike.near) {
      await csv.add({ group, id: rowId, file_name: imageFileAt(imageKey), distance });
    }
    await csv.store(nearDuplicatesKey(this.#run), COLUMNS, delimiter);
    const nearDuplicates = {
      images: groups.images,
      groups: groups.groups,
      notCompared: this.#notCompared,
      incomplete: groups.incomplete,
      examples: examplesOf(alike.near),
    };
    const nearList = listOf('near-duplicates', groups.images, alike.near);
    return { sameBytes: alike.sameBytes, nearDuplicates, lists: [alike.sameList, nearList] };
  }

  /** Reads the sealed outcomes again, but only if something was found. */
  async #gather(groups: AlikeGroups | undefined): Promise<{
    readonly sameBytes: SameBytes;
    readonly sameList: AlikeRows;
    readonly near: readonly AlikeImage[];
  }> {
    const [same, near]: [AlikeImage[], AlikeImage[]] = [[], []];
    const isWorthIt = this.#sameBytes.found || (groups && groups.images > 0);
    if (!isWorthIt) return { sameBytes: NO_SAME_BYTES, sameList: listOf('same-bytes', 0, []), near };
    const key = outcomesKey(this.#run, this.#run.runSeq);
    const outcomes = readJsonLines(await this.#store.read(at(this.#run, key)), OutcomeLine, key);
    const groupOfBytes = new Map<string, number>();
    const finder = this.#sameBytes;
    async function* seen(): AsyncGenerator<RowOutcome> {
      let [position, image] = [0, 0];
      for await (const outcome of outcomes) {
        yield outcome;
        const { end, rowId, imageKey = '' } = outcome;
        const place = { position: position++, rowId, imageKey };
        if (end.kind !== 'stored') continue;
        if (same.length < SHOWN && finder.isShared(outcome)) {
          const group = groupOfBytes.get(end.image.sha256) ?? groupOfBytes.size + 1;
          groupOfBytes.set(end.image.sha256, group);
          same.push({ ...place, group, distance: 0 });
        }
        if (!groups || end.image.perceptualHash === undefined) continue;
        const [group, distance] = [groups.groupOf(image), groups.distanceOf(image)];
        image += 1;
        if (group > 0 && near.length < LISTED) near.push({ ...place, group, distance });
      }
    }
    const sameBytes = await finder.collect(seen());
    near.sort((a, b) => a.group - b.group || a.position - b.position);
    same.sort((a, b) => a.group - b.group || a.position - b.position);
    return { sameBytes, sameList: listOf('same-bytes', sameBytes.images, same), near };
  }

  async #hashed(sealed: SealedRow): Promise<SealedRow> {
    const { row, outcome } = sealed;
    const { end } = outcome;
    if (end.kind !== 'stored' || end.image.perceptualHash !== undefined || !end.image.thumbnail)
      return sealed;
    const thumbnail = await this.#thumbnail(end.image.sha256);
    const perceptualHash = thumbnail && (await hashThumbnail(thumbnail));
    if (perceptualHash === undefined) return sealed;
    return { row, outcome: { ...outcome, end: { ...end, image: { ...end.image, perceptualHash } } } };
  }

  async #thumbnail(sha256: string): Promise<Buffer | undefined> {
    try {
      return await buffer(await this.#store.read(at(this.#run, thumbnailKey(this.#run, sha256))));
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not-found') return undefined;
      throw error;
    }
  }
}

function listOf(name: AlikeRows['name'], images: number, alike: readonly AlikeImage[]): AlikeRows {
  const shown = alike.slice(0, SHOWN);
  return {
    name,
    images,
    positions: shown.map(({ position }) => position),
    groups: shown.map(({ group }) => group),
    bits: shown.map(({ distance }) => distance),
  };
}

function examplesOf(near: readonly AlikeImage[]): NearDuplicates['examples'] {
  const examples = new Map<number, RowId[]>();
  for (const { group, rowId } of near) {
    const rowIds = examples.get(group) ?? [];
    if (!examples.has(group) && examples.size === EXAMPLES) break;
    if (rowIds.length < ROWS_AN_EXAMPLE) rowIds.push(rowId);
    examples.set(group, rowIds);
  }
  return Array.from(examples.values(), (rowIds) => ({ rowIds }));
}
