import { mkdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import prettyBytes from 'pretty-bytes';
import { z } from 'zod';
import { EXPORT_FORMATS } from '../src/report/export/export-format.js';
import { startActivityBench } from '../test/support/batches/activity-bench.js';
import { bucketVariables } from '../test/support/stack/bucket-variables.js';
import { runCommand } from '../test/support/commands/command-line.js';
import { temporaryFolder } from '../test/support/temporary-folder.js';
import { sealLargeBatch } from './export-source.js';

const TELL_USAGE = path.resolve(import.meta.dirname, 'usage-at-exit.mjs');
const Usage = z.object({ peakBytes: z.number(), cpuMs: z.number() });

/**
 * Exports a batch of `--images` (default 20,000) of `--bytes` each (default 1,500,000) to a folder in both formats, and
 * a batch of equally many small images. Prints speed, CPU time and peak memory of the command's process, including its
 * start.
 */
export async function benchExport(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { images: { type: 'string', default: '20000' }, bytes: { type: 'string', default: '1500000' } },
  });
  const [count, sizeBytes] = [Number(values.images), Number(values.bytes)];
  const [bench, folder] = [await startActivityBench(), await temporaryFolder()];
  try {
    const { bavail, bsize } = await statfs(folder.path);
    if (bavail * bsize < 1.2 * count * sizeBytes) {
      throw new Error(`${folder.path} has no room for an export of ${prettyBytes(count * sizeBytes)}.`);
    }
    const variables = {
      ...bucketVariables(bench.s3),
      BANANA_PREFIX: 'tests',
      NODE_OPTIONS: `--import=${TELL_USAGE}`,
    };
    for (const batch of [
      { id: 'large', count, sizeBytes },
      { id: 'small', count, sizeBytes: 2_000 },
    ]) {
      await sealLargeBatch(bench, batch.id, batch);
      for (const format of EXPORT_FORMATS) {
        const to = path.join(folder.path, format);
        await mkdir(to);
        const startedAtMs = performance.now();
        const { code, stderr } = await runCommand(
          ['export', batch.id, '--format', format, '--to', to, '--json'],
          { cwd: folder.path, variables },
        );
        if (code !== 0) throw new Error(stderr);
        const seconds = (performance.now() - startedAtMs) / 1000;
        const [, used = ''] = /^usage (.*)$/m.exec(stderr) ?? [];
        const { peakBytes, cpuMs } = Usage.parse(JSON.parse(used));
        const bytes = batch.count * batch.sizeBytes;
        const facts = [
          `${batch.count} images of ${prettyBytes(batch.sizeBytes)}`,
          `${seconds.toFixed(1)} s`,
          `${Math.round(batch.count / seconds)} images/s`,
          `${prettyBytes(bytes / seconds)}/s`,
          `${(cpuMs / batch.count).toFixed(1)} ms of CPU per image`,
          `peak memory ${prettyBytes(peakBytes)}`,
        ];
        console.log(`export as ${format}: ${facts.join(', ')}`);
        await rm(to, { recursive: true });
      }
    }
  } finally {
    await bench.stop();
    await folder.remove();
  }
}
