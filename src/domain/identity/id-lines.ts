import { hash } from 'node:crypto';

const WORDS_A_SLOT = 4;
const FIRST_SLOTS = 1 << 10;

/**
 * Remembers the line on which an id was first seen, in 21–43 bytes an id whatever its length, so that a million ids
 * fit in memory beside a streaming reader; a Map of strings takes three times as much. Instead of a line, any number
 * from 1 to 2³² − 1 may be used.
 *
 * An open hash table of 96-bit fingerprints; two ids of a million share one with a probability of 10⁻¹⁷.
 */
export class IdLines {
  /** Three words of fingerprint and the line; line 0 marks a free slot. */
  #slots = new Uint32Array(FIRST_SLOTS * WORDS_A_SLOT);
  #size = 0;

  /** The line of an id; undefined if the id was not seen. */
  lineOf(id: string): number | undefined {
    const line = this.#slots[findSlot(this.#slots, fingerprint(id)) + 3];
    return line === 0 ? undefined : line;
  }

  /** Whether an id was seen. */
  has(id: string): boolean {
    return this.lineOf(id) !== undefined;
  }

  /** Records an id's line (1 or more). If the id already has a line, returns that one. */
  claim(id: string, line: number): number | undefined {
    const key = fingerprint(id);
    const at = findSlot(this.#slots, key);
    const earlier = this.#slots[at + 3];
    if (earlier !== undefined && earlier !== 0) return earlier;
    this.#slots.set([...key, line], at);
    this.#size += 1;
    if (this.#size * WORDS_A_SLOT > 0.75 * this.#slots.length) this.#slots = doubled(this.#slots);
    return undefined;
  }
}

type Fingerprint = readonly [number, number, number];

function fingerprint(id: string): Fingerprint {
  const digest = hash('sha1', id, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)];
}

/** Offset of the slot with the fingerprint, or of the free slot for it. */
function findSlot(slots: Uint32Array, [first, second, third]: Fingerprint): number {
  let at = (first * WORDS_A_SLOT) % slots.length;
  while (slots[at + 3] !== 0) {
    if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return at;
    at = (at + WORDS_A_SLOT) % slots.length;
  }
  return at;
}

function doubled(slots: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(slots.length * 2);
  for (let from = 0; from < slots.length; from += WORDS_A_SLOT) {
    if (slots[from + 3] === 0) continue;
    const key = [slots[from] ?? 0, slots[from + 1] ?? 0, slots[from + 2] ?? 0] as const;
    larger.set([...key, slots[from + 3] ?? 0], findSlot(larger, key));
  }
  return larger;
}
