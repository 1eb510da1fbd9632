/** The content of a JPEG's frame header. */
export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  readonly coding: 'sequential' | 'progressive' | 'other';
}

interface JpegComponent {
  readonly id: number;
  /** Sampling factors: how many blocks of the component are in a unit of the picture. */
  readonly across: number;
  readonly down: number;
  /** Number of its quantization table. */
  readonly table: number;
}

const BLOCK_SIDE = 8;
/** A Huffman code has at least one bit: a block of a sequential scan has two codes, of a progressive's first scan one. */
const LEAST_BITS = { sequential: 2, progressive: 1, other: 0 } as const;

/** Records the scans of a picture and checks whether they can hold all of it. Source: ITU-T T.81, annexes B, F and G. */
export class ScanBook {
  readonly #frame: JpegFrame;
  /** Components whose first coefficients were seen. */
  readonly #seen = new Set<number>();
  #defect: string | undefined;
  #hasScans = false;

  constructor(frame: JpegFrame) {
    this.#frame = frame;
  }

  get hasScans(): boolean {
    return this.#hasScans;
  }

  /** Why the scans so far are no complete picture; undefined if they are. */
  get defect(): string | undefined {
    if (this.#defect !== undefined) return this.#defect;
    const lacks = this.#frame.components.some(({ id }) => !this.#seen.has(id));
    return lacks ? 'a part of its colors has no image data' : undefined;
  }

  /** Adds a scan: its header's content, the length of its entropy-coded data, and the quantization tables before it. */
  add(header: Uint8Array, dataBytes: number, tables: ReadonlySet<number>): void {
    this.#hasScans = true;
    const count = header[0] ?? 0;
    const ids = Array.from({ length: count }, (_, index) => header[1 + 2 * index] ?? 0);
    const firstCoefficient = header[1 + 2 * count] ?? 0;
    const approximation = (header[3 + 2 * count] ?? 0) >> 4;
    if (dataBytes === 0) this.#defect ??= 'a scan has no image data';
    if (this.#lacksTable(ids, tables)) this.#defect ??= 'it has no quantization table for its image data';
    // Later scans of a progressive picture may take less than one bit a block.
    if (firstCoefficient > 0 || approximation > 0) return;
    for (const id of ids) this.#seen.add(id);
    const { coding } = this.#frame;
    if (dataBytes * 8 < this.#blocks(ids) * LEAST_BITS[coding])
      this.#defect ??= 'its image data are too short for its size';
  }

  #lacksTable(ids: readonly number[], tables: ReadonlySet<number>): boolean {
    const { components, coding } = this.#frame;
    // Lossless codings use no tables.
    return coding !== 'other' && components.some(({ id, table }) => ids.includes(id) && !tables.has(table));
  }

  #blocks(ids: readonly number[]): number {
    const { width, height, components } = this.#frame;
    const across = Math.max(...components.map((component) => component.across));
    const down = Math.max(...components.map((component) => component.down));
    return components
      .filter(({ id }) => ids.includes(id))
      .reduce((sum, component) => {
        const columns = Math.ceil((width * component.across) / across / BLOCK_SIDE);
        const rows = Math.ceil((height * component.down) / down / BLOCK_SIDE);
        return sum + columns * rows;
      }, 0);
  }
}
