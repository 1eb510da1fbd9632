/** PNG, JPEG or WebP by the first bytes; undefined for anything else. */
export function imageTypeOf(bytes: Uint8Array): 'png' | 'jpeg' | 'webp' | undefined {
  const start = Buffer.from(bytes.subarray(0, 12));
  if (start.toString('hex').startsWith('89504e470d0a1a0a')) return 'png';
  if (start.toString('hex').startsWith('ffd8ff')) return 'jpeg';
  const isWebp = start.toString('latin1', 0, 4) === 'RIFF' && start.toString('latin1', 8, 12) === 'WEBP';
  return isWebp ? 'webp' : undefined;
}
