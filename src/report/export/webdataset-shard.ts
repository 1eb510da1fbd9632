import { pack, type Pack } from 'tar-stream';
import { cellsOf, type ExportColumn } from './export-columns.js';
import type { ShardFile } from './shard-file.js';
import type { RowWithImage } from './shard-images.js';

/** So that the same rows give the same bytes. */
const EPOCH = new Date(0);

/**
 * Writes rows as one tar of WebDataset samples: for each row its image, `json` with all columns and `txt` with the
 * prompt, named by the row's number in the batch. All images should be of one type.
 */
export async function writeWebDatasetShard(
  images: AsyncIterable<RowWithImage>,
  columns: readonly ExportColumn[],
  file: ShardFile,
): Promise<void> {
  const tar = pack();
  const packing = packSamples(tar, images, columns);
  // Reported by the reading below, or after it.
  packing.catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  for await (const chunk of tar) {
    if (chunk instanceof Uint8Array) file.write(chunk);
  }
  await packing;
}

async function packSamples(
  tar: Pack,
  images: AsyncIterable<RowWithImage>,
  columns: readonly ExportColumn[],
): Promise<void> {
  for await (const { row, bytes } of images) {
    const key = sampleKey(row.position);
    const cells = cellsOf(columns, row);
    const all = Object.fromEntries(columns.map(({ name }, index) => [name, cells[index] ?? null]));
    await addFile(tar, `${key}.${row.image.type}`, bytes);
    await addFile(tar, `${key}.json`, Buffer.from(JSON.stringify(all)));
    await addFile(tar, `${key}.txt`, Buffer.from(row.prompt));
  }
  tar.finalize();
}

/** The name of a row's files in a tar, without anything that readers would take for an extension. */
function sampleKey(position: number): string {
  return String(position).padStart(9, '0');
}

async function addFile(tar: Pack, name: string, content: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tar.entry({ name, mtime: EPOCH, mode: 0o644, size: content.length }, content, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}
