import { createHash, randomBytes } from 'node:crypto';
import { link } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import type { JobId } from '../../src/domain/rows/ids.js';
import type { ImageFacts } from '../../src/domain/rows/outcome.js';
import type { ShardRow } from '../../src/domain/rows/row.js';
import { ShardRowLine } from '../../src/ledger/documents.js';
import { readJsonLines } from '../../src/ledger/files/json-lines.js';
import { at, imageKey, rowsKey } from '../../src/storage/layout.js';
import type { ActivityBench } from '../../test/support/batches/activity-bench.js';
import { sealRun } from '../../test/support/batches/sealed-batches.js';
import { samplePng } from '../../test/support/images/sample-images.js';

const DIFFERENT = 100;
const JOB = 'bench-job' as JobId;

/**
 * A finished batch of `count` images of `sizeBytes` each. A hundred of them differ; the others are links to them in the
 * bucket's folder, so that a small disk is enough.
 */
export async function sealLargeBatch(
  bench: ActivityBench,
  batchId: string,
  { count, sizeBytes }: { readonly count: number; readonly sizeBytes: number },
): Promise<void> {
  const { s3, activities } = bench;
  const sheet = Array.from(
    { length: count },
    (_, row) => `row-${row},a picture of thing number ${row},class ${row % 10},${row}`,
  );
  const { run, result } = await bench.ingest(batchId, ['id,prompt,class,number', ...sheet], 1, {
    rows: count,
  });
  const images = Array.from({ length: DIFFERENT }, () => imageOf(sizeBytes));
  const fileOf = (key: string): string => path.join(s3.folder, s3.bucket, key);
  const originals: string[] = [];
  for (let shard = 0; shard < result.shardCount; shard += 1) {
    const key = rowsKey(run, 1, shard);
    const rows: ShardRow[] = [];
    for await (const row of readJsonLines(await s3.store.read(at(run, key)), ShardRowLine, key))
      rows.push(row);
    const settled = await pMap(
      rows.entries(),
      async ([row, { imageName, position }]) => {
        const image = images[position % DIFFERENT];
        if (!image) throw new Error('There is no image.');
        const ref = at(run, imageKey(run, imageName, 'png'));
        const original = originals[position % DIFFERENT];
        if (original === undefined) {
          await s3.store.put(ref, image.body, { contentType: 'image/png', sha256: image.facts.sha256 });
          originals[position % DIFFERENT] = fileOf(ref.key);
        } else await link(original, fileOf(ref.key));
        const end = { kind: 'stored', adopted: false, image: image.facts } as const;
        const done = { generation: 1, jobId: JOB, end: 'done', charged: 'yes' } as const;
        return { row, end, generations: [done], settledAtMs: Date.now() };
      },
      { concurrency: 8 },
    );
    await bench.attempt(() => activities.recordOutcomes({ run, shard, part: 0, settled }));
  }
  await sealRun(bench, run, result.shardCount);
}

function imageOf(sizeBytes: number): { readonly body: Buffer; readonly facts: ImageFacts } {
  const png = samplePng(16, 16);
  const body = Buffer.concat([png, randomBytes(Math.max(0, sizeBytes - png.length))]);
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { body, facts: { type: 'png', width: 16, height: 16, sizeBytes: body.length, sha256 } };
}
