import type { RowId } from '../rows/ids.js';
import type { ImageFacts } from '../rows/outcome.js';

/** The part of a report about similar images. */
export interface NearDuplicates {
  /** Number of images that are similar to another one, all groups together. */
  readonly images: number;
  readonly groups: number;
  /** Stored images without a perceptual hash, which cannot be compared. */
  readonly notCompared: number;
  /** Too many hashes were nearly the same to compare all: there may be more groups. */
  readonly incomplete: boolean;
  /** Up to 20 groups, with up to 5 rows each. */
  readonly examples: readonly { readonly rowIds: readonly RowId[] }[];
}

/** The one-line note about similar images; undefined if there are none. */
export function nearDuplicatesText(found: Omit<NearDuplicates, 'examples'> | undefined): string | undefined {
  if (!found) return undefined;
  const { images, groups, notCompared, incomplete } = found;
  const parts = [
    images > 0 ? `${images} images in ${groups} ${groups === 1 ? 'group' : 'groups'} look similar` : '',
    incomplete ? 'not all were compared, because too many are nearly the same' : '',
    notCompared > 0 ? `${notCompared} could not be compared (no thumbnail)` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? `${parts.join('; ')}.` : undefined;
}

/** Images count as similar if their perceptual hashes differ in at most this many of the 64 bits. */
export const MOST_BITS_APART = 6;

/** A hash is cut into this many bands of 16 bits: if two hashes are up to 7 bits apart, one band is at most one bit apart. */
const BANDS = 4;
const BAND_VALUES = 1 << 16;
/** The possible differences of a band in a similar hash. */
const FLIPS = [0, ...Array.from({ length: 16 }, (_, bit) => 1 << bit)];

/** A million real pictures need some 10⁹; pictures that are nearly all of one kind would need the square of their number. */
const MOST_COMPARISONS = 20_000_000_000;
const BETWEEN_PAUSES = 20_000_000;

/** Similar images by the number that `note` gave them, from 0. */
export interface AlikeImages {
  /** Number of images in groups. */
  readonly images: number;
  readonly groups: number;
  /** Some hashes were not compared, since too many are nearly the same: there may be more groups. */
  readonly incomplete: boolean;
  /** The group of an image, from 1 in the order of their first images; 0 if it has no group. */
  readonly groupOf: (image: number) => number;
  /** By how many bits an image of a group differs from the nearest other one of the group. */
  readonly distanceOf: (image: number) => number;
}

/**
 * Finds similar images by their perceptual hashes. An image joins a group if it is similar to one image of it, so the
 * ends of a long chain may differ by more. Needs some 40 bytes an image.
 */
export class NearDuplicateFinder {
  #hashes = new Uint32Array(1 << 11);
  #size = 0;

  /** Adds an image; returns its number. */
  note(hash: NonNullable<ImageFacts['perceptualHash']>): number {
    if (this.#size * 2 === this.#hashes.length) {
      const larger = new Uint32Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#size * 2] = Number.parseInt(hash.slice(0, 8), 16);
    this.#hashes[this.#size * 2 + 1] = Number.parseInt(hash.slice(8), 16);
    return this.#size++;
  }

  /** Compares all images; calls `pause` regularly so that other work can run. */
  async find(pause: () => Promise<void>): Promise<AlikeImages> {
    const count = this.#size;
    const hashes = this.#hashes;
    const groups = new DisjointSets(count);
    const distances = new Uint8Array(count).fill(255);
    const join = (a: number, b: number, distance: number): void => {
      groups.join(a, b);
      distances[a] = Math.min(distances[a] ?? 255, distance);
      distances[b] = Math.min(distances[b] ?? 255, distance);
    };
    const distinct = joinEqual(hashes, count, (a, b) => join(a, b, 0));
    const incomplete = await joinNear(hashes, distinct, join, pause);
    return numbered(groups, distances, count, incomplete);
  }
}

function bitsSet(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Joins images with equal hashes; returns the first image of each hash, in order. */
function joinEqual(hashes: Uint32Array, count: number, join: (a: number, b: number) => void): Uint32Array {
  const high = (image: number): number => hashes[image * 2] ?? 0;
  const low = (image: number): number => hashes[image * 2 + 1] ?? 0;
  const order = Uint32Array.from({ length: count }, (_, image) => image).sort(
    (a, b) => high(a) - high(b) || low(a) - low(b) || a - b,
  );
  const distinct: number[] = [];
  let first = -1;
  for (const image of order) {
    if (first >= 0 && high(image) === high(first) && low(image) === low(first)) join(first, image);
    else distinct.push((first = image));
  }
  return Uint32Array.from(distinct).sort();
}

/** Joins images with similar hashes; true if it gave up before all were compared. */
async function joinNear(
  hashes: Uint32Array,
  images: Uint32Array,
  join: (a: number, b: number, distance: number) => void,
  pause: () => Promise<void>,
): Promise<boolean> {
  let comparisons = 0;
  let pausedAt = 0;
  for (let band = 0; band < BANDS; band++) {
    const buckets = bucketed(hashes, images, band);
    for (let value = 0; value < BAND_VALUES; value++) {
      if (buckets.starts[value] === buckets.starts[value + 1]) continue;
      for (const flip of FLIPS) {
        const near = value ^ flip;
        // Each pair of buckets once.
        if (near >= value) comparisons += joinBuckets(buckets, value, near, join);
        if (comparisons > MOST_COMPARISONS) return true;
        if (comparisons - pausedAt > BETWEEN_PAUSES) {
          pausedAt = comparisons;
          await pause();
        }
      }
    }
  }
  return false;
}

/** Compares the images of two buckets, or those of one with each other; returns the number of comparisons. */
function joinBuckets(
  { starts, high, low, members }: Buckets,
  value: number,
  near: number,
  join: (a: number, b: number, distance: number) => void,
): number {
  const end = starts[value + 1] ?? 0;
  const nearEnd = starts[near + 1] ?? 0;
  let comparisons = 0;
  for (let at = starts[value] ?? 0; at < end; at++) {
    const [thisHigh, thisLow] = [high[at] ?? 0, low[at] ?? 0];
    const from = near === value ? at + 1 : (starts[near] ?? 0);
    for (let other = from; other < nearEnd; other++) {
      const distance = bitsSet(thisHigh ^ (high[other] ?? 0)) + bitsSet(thisLow ^ (low[other] ?? 0));
      if (distance <= MOST_BITS_APART) join(members[at] ?? 0, members[other] ?? 0, distance);
    }
    comparisons += Math.max(0, nearEnd - from);
  }
  return comparisons;
}

/** Images by the value of a band: those of one value are at `starts[value]` up to before `starts[value + 1]`, beside their hashes. */
interface Buckets {
  readonly starts: Uint32Array;
  readonly members: Uint32Array;
  readonly high: Int32Array;
  readonly low: Int32Array;
}

function bucketed(hashes: Uint32Array, images: Uint32Array, band: number): Buckets {
  const valueOf = (image: number): number =>
    ((hashes[image * 2 + (band >> 1)] ?? 0) >>> (band % 2 === 0 ? 16 : 0)) & 0xffff;
  const starts = new Uint32Array(BAND_VALUES + 1);
  for (const image of images) starts[valueOf(image) + 1] = (starts[valueOf(image) + 1] ?? 0) + 1;
  for (let value = 0; value < BAND_VALUES; value++) {
    starts[value + 1] = (starts[value + 1] ?? 0) + (starts[value] ?? 0);
  }
  const next = starts.slice();
  const members = new Uint32Array(images.length);
  const high = new Int32Array(images.length);
  const low = new Int32Array(images.length);
  for (const image of images) {
    const at = next[valueOf(image)] ?? 0;
    next[valueOf(image)] = at + 1;
    members[at] = image;
    high[at] = hashes[image * 2] ?? 0;
    low[at] = hashes[image * 2 + 1] ?? 0;
  }
  return { starts, members, high, low };
}

/** The groups of more than one image, numbered by their first images. */
function numbered(
  sets: DisjointSets,
  distances: Uint8Array,
  count: number,
  incomplete: boolean,
): AlikeImages {
  const numbers = new Uint32Array(count);
  let [images, groups] = [0, 0];
  for (let image = 0; image < count; image++) {
    if (distances[image] === 255) continue;
    images += 1;
    const root = sets.rootOf(image);
    // The root is the first image of its group.
    if (root === image) groups += 1;
    numbers[image] = root === image ? groups : (numbers[root] ?? 0);
  }
  return {
    images,
    groups,
    incomplete,
    groupOf: (image) => numbers[image] ?? 0,
    distanceOf: (image) => distances[image] ?? 0,
  };
}

/** Disjoint sets of numbers; the root of each is its smallest number. */
class DisjointSets {
  readonly #parents: Uint32Array;

  constructor(size: number) {
    this.#parents = Uint32Array.from({ length: size }, (_, at) => at);
  }

  rootOf(member: number): number {
    let at = member;
    for (let parent = this.#parents[at] ?? at; parent !== at; parent = this.#parents[at] ?? at) {
      const grandparent = this.#parents[parent] ?? parent;
      this.#parents[at] = grandparent;
      at = grandparent;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [first, second] = [this.rootOf(a), this.rootOf(b)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}
