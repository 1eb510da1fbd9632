import { mkdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import prettyBytes from 'pretty-bytes';
import { EXPORT_FORMATS } from '../../src/report/export/export-format.js';
import { startActivityBench } from '../../test/support/batches/activity-bench.js';
import { bucketVariables } from '../../test/support/stack/bucket-variables.js';
import { temporaryFolder } from '../../test/support/temporary-folder.js';
import { measureCommand } from '../commands/measured-command.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';
import { sealLargeBatch } from './export-source.js';

const SMALL_BYTES = 2_000;

/**
 * Measures exports to a folder in both formats: of a batch of `images` of `bytes` each, and of as many small ones.
 * Speed, CPU time and peak memory are those of the command's process, including its start.
 */
export async function benchExport(
  { images: count, bytes: sizeBytes }: { readonly images: number; readonly bytes: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const [bench, folder] = [await startActivityBench(), await temporaryFolder()];
  const rows: BenchRow[] = [];
  try {
    const { bavail, bsize } = await statfs(folder.path);
    if (bavail * bsize < 1.2 * count * sizeBytes) {
      throw new Error(`${folder.path} has no room for an export of ${prettyBytes(count * sizeBytes)}.`);
    }
    const variables = { ...bucketVariables(bench.s3), BANANA_PREFIX: 'tests' };
    for (const batch of [
      { id: 'large', count, sizeBytes },
      { id: 'small', count, sizeBytes: SMALL_BYTES },
    ]) {
      say(`making a batch of ${count} images of ${prettyBytes(batch.sizeBytes)}`);
      await sealLargeBatch(bench, batch.id, batch);
      for (const format of EXPORT_FORMATS) {
        const to = path.join(folder.path, format);
        await mkdir(to);
        const what = `export as ${format}, ${count} images of ${prettyBytes(batch.sizeBytes)}`;
        say(what);
        const { wallMs, cpuMs, peakBytes } = await measureCommand(
          ['export', batch.id, '--format', format, '--to', to, '--json'],
          { cwd: folder.path, variables },
        );
        rows.push(
          { bench: 'export', what, unit: 'images/s', ours: count / (wallMs / 1_000) },
          { bench: 'export', what: `CPU time per image: ${what}`, unit: 'ms', ours: cpuMs / count },
          { bench: 'export', what: `peak memory: ${what}`, unit: 'bytes', ours: peakBytes },
        );
        await rm(to, { recursive: true });
      }
    }
    return rows;
  } finally {
    await bench.stop();
    await folder.remove();
  }
}
