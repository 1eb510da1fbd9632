/** Limits the total memory of image bodies. */
export class MemoryLimit {
  readonly #totalBytes: number;
  #freeBytes: number;
  readonly #waiting: { readonly sizeBytes: number; readonly proceed: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  /** Resolves, first come first served, once `sizeBytes` are free; bodies larger than the limit wait for all of it. Returns a function that frees them. */
  async reserve(sizeBytes: number): Promise<() => void> {
    const needed = Math.min(sizeBytes, this.#totalBytes);
    if (this.#waiting.length > 0 || this.#freeBytes < needed) {
      await new Promise<void>((proceed) => this.#waiting.push({ sizeBytes: needed, proceed }));
    } else {
      this.#freeBytes -= needed;
    }
    return () => {
      this.#freeBytes += needed;
      this.#admit();
    };
  }

  #admit(): void {
    for (
      let first = this.#waiting[0];
      first && first.sizeBytes <= this.#freeBytes;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#freeBytes -= first.sizeBytes;
      first.proceed();
    }
  }
}
