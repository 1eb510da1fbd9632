/** Width and height of the hashed picture. */
export const HASH_SIDE = 32;

/** Number of rows and columns of frequencies that are kept. */
const KEPT = 8;

/** `WAVES[frequency][place]` of the discrete cosine transform. */
const WAVES = Array.from({ length: KEPT }, (_, frequency) =>
  Float64Array.from({ length: HASH_SIDE }, (_, place) =>
    Math.cos(((2 * place + 1) * frequency * Math.PI) / (2 * HASH_SIDE)),
  ),
);

/**
 * A perceptual hash as 16 hex digits: those of similar pictures differ in few of the 64 bits, others in about half.
 * `luma` is the picture scaled to 32 × 32 grey levels, row by row.
 *
 * Each bit says whether one of the 64 lowest frequencies of a discrete cosine transform is stronger than their
 * median, so size, compression, brightness and contrast hardly matter.
 */
export function perceptualHash(luma: Uint8Array): string {
  const waves: number[] = [];
  for (const down of WAVES) {
    for (const across of WAVES) waves.push(strength(luma, down, across));
  }
  // The first is the mean brightness, not a wave.
  const median = waves.slice(1).sort((a, b) => a - b)[(KEPT * KEPT) >> 1] ?? 0;
  let hash = '';
  for (let at = 0; at < waves.length; at += 4) {
    const bits = waves.slice(at, at + 4).map((wave, bit) => (at + bit > 0 && wave > median ? 8 >> bit : 0));
    hash += bits.reduce((sum, bit) => sum + bit, 0).toString(16);
  }
  return hash;
}

function strength(luma: Uint8Array, down: Float64Array, across: Float64Array): number {
  let sum = 0;
  for (let y = 0; y < HASH_SIDE; y++) {
    let row = 0;
    for (let x = 0; x < HASH_SIDE; x++) row += (luma[y * HASH_SIDE + x] ?? 0) * (across[x] ?? 0);
    sum += row * (down[y] ?? 0);
  }
  // Removes rounding noise from an even picture.
  return Math.round(sum);
}
