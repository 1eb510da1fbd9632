/** Different prompts; a batch's name keeps them apart from those of other batches. */
export function numberedPrompts(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, row) => `${name} ${row}`);
}
