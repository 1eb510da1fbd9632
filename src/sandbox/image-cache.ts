/** Keeps the bytes last asked for, up to a sum; the oldest go first. */
export class ImageCache {
  readonly #mostBytes: number;
  readonly #images = new Map<string, Buffer>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The bytes of `name`, made by `make` where they are not kept. */
  get(name: string, make: () => Buffer): Buffer {
    const kept = this.#images.get(name);
    if (kept !== undefined) {
      this.#images.delete(name);
      this.#images.set(name, kept);
      return kept;
    }
    const image = make();
    this.#images.set(name, image);
    this.#bytes += image.length;
    for (const [oldest, bytes] of this.#images) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#images.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return image;
  }
}
