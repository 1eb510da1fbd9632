import { isUploaded } from '../domain/rows/input-image.js';

/** The input images that accepted rows name. */
export interface InputCounts {
  /** Rows with input images. */
  readonly rows: number;
  /** http(s) URLs among them, each time that a row names one. */
  readonly urls: number;
  /** The first hosts of those URLs. */
  readonly hosts: readonly string[];
  /** Images by their content, each time that a row names one. */
  readonly uploads: number;
}

const MOST_HOSTS = 100;

/** Counts the input images of rows that go by. */
export class InputTally {
  readonly #hosts = new Set<string>();
  #rows = 0;
  #urls = 0;
  #uploads = 0;

  add(inputImages: readonly string[]): void {
    if (inputImages.length === 0) return;
    this.#rows += 1;
    for (const image of inputImages) {
      if (isUploaded(image)) this.#uploads += 1;
      else {
        this.#urls += 1;
        if (this.#hosts.size < MOST_HOSTS) this.#hosts.add(new URL(image).hostname);
      }
    }
  }

  get counts(): InputCounts {
    return { rows: this.#rows, urls: this.#urls, hosts: [...this.#hosts], uploads: this.#uploads };
  }
}
