/** A shard to be: a piece of the file in which the rows lie meanwhile. */
export interface ShardSlice {
  /** Bytes of that file; `end` is not part of it. */
  readonly start: number;
  readonly end: number;
  readonly images: number;
  readonly imageBytes: number;
}

/** Cuts rows into shards of at most `limitBytes`, in order; only a row that is larger by itself makes a larger one. */
export class ShardSplit {
  readonly #limitBytes: number;
  readonly #slices: ShardSlice[] = [];
  #open: ShardSlice = { start: 0, end: 0, images: 0, imageBytes: 0 };
  #openBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes the next row: its line in the file, its image, and what it takes in a shard. */
  add(row: { readonly lineBytes: number; readonly imageBytes: number; readonly shardBytes: number }): void {
    if (this.#open.images > 0 && this.#openBytes + row.shardBytes > this.#limitBytes) this.#cut();
    const { start, end, images, imageBytes } = this.#open;
    this.#open = {
      start,
      end: end + row.lineBytes,
      images: images + 1,
      imageBytes: imageBytes + row.imageBytes,
    };
    this.#openBytes += row.shardBytes;
  }

  /** All shards, the last one too. */
  get slices(): readonly ShardSlice[] {
    return this.#open.images > 0 ? [...this.#slices, this.#open] : this.#slices;
  }

  #cut(): void {
    this.#slices.push(this.#open);
    this.#open = { start: this.#open.end, end: this.#open.end, images: 0, imageBytes: 0 };
    this.#openBytes = 0;
  }
}
