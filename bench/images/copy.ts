import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import prettyBytes from 'pretty-bytes';
import { renderImage } from '../../src/local/sandbox/index.js';
import { callsOf } from '../../test/support/batches/sandbox-calls.js';
import { thumbnailOf } from '../../test/support/images/thumbnail-of.js';
import { startTestEngine, type TestEngine } from '../../test/support/stack/test-engine.js';
import { TEST_API_KEY } from '../../test/support/stack/test-services.js';
import { measureBatch, OWN_LIMITS } from '../measure/bench-batch.js';
import { numberedPrompts } from '../measure/numbered-prompts.js';
import { cpuMsOf, difference, perRow } from '../measure/process-usage.js';
import { mean } from '../measure/statistics.js';
import { copyByRclone, findRclone, RCLONE_NAME } from '../peers/rclone.js';
import type { Say } from '../program/bench.js';
import { peerOf, type BenchRow } from '../program/row.js';

const LARGE_BYTES = 1_500_000;
const WARM_UP_ROWS = 100;
const CONCURRENCY = '16';
const ALONE_TIMES = 20;

/**
 * Measures the worker's CPU time for a row with a small image, and how much more one of 1.5 MB costs, or a thumbnail.
 * The peer of the 1.5 MB is rclone, which copies the same images from their URLs; both differences leave out what a
 * row costs besides.
 */
export async function benchCopy({ rows }: { readonly rows: number }, say: Say): Promise<readonly BenchRow[]> {
  const rclone = await findRclone(say);
  const engine = await startTestEngine({
    sandbox: { seed: 'bench', jobTimeMs: { min: 0, max: 0 }, blankImages: false },
  });
  try {
    const { sandbox } = engine;
    const worker = await engine.startWorker({ variables: OWN_LIMITS });
    const cpuOf = async (
      id: string,
      count: number,
      { large = false, thumbnails = false },
    ): Promise<number | undefined> => {
      say(`a batch of ${count} rows: ${id}`);
      sandbox.configure({ imageBytes: large ? LARGE_BYTES : null });
      const before = cpuMsOf(worker.pid);
      const args = ['--concurrency', CONCURRENCY, ...(thumbnails ? [] : ['--no-thumbnails'])];
      await measureBatch(engine, { id, prompts: numberedPrompts(id, count), args });
      return perRow(before, cpuMsOf(worker.pid), count);
    };
    await cpuOf('warm-up', WARM_UP_ROWS, { large: true, thumbnails: true });
    const small = await cpuOf('small', rows, {});
    const large = await cpuOf('large', rows, { large: true });
    const thumbnails = await cpuOf('thumbnails', rows, { thumbnails: true });
    const peer = rclone === undefined ? undefined : await rcloneDifference(engine, rclone, rows, say);
    // Those of the batch with thumbnails: what is drawn, and so its size, depends on the prompt.
    const drawn = numberedPrompts('thumbnails', ALONE_TIMES).map((prompt) =>
      renderImage({ prompt, model: 'pro', aspectRatio: '1:1', resolution: '1K' }),
    );
    const smallBytes = Math.round(mean(drawn.map(({ length }) => length)));
    const padded = drawn.map((image) => Buffer.alloc(LARGE_BYTES, image));
    const bench = 'copy';
    return [
      {
        bench,
        what: `CPU time of the worker for a row with an image of about ${prettyBytes(smallBytes)}, ${rows} rows`,
        unit: 'ms',
        ours: small,
      },
      {
        bench,
        what: `more for an image of ${prettyBytes(LARGE_BYTES)}; limit: SHA-256`,
        unit: 'ms',
        ours: difference(small, large),
        peer: peerOf(RCLONE_NAME, peer),
        limit: await cpuMsAlone(padded, async (image) => {
          createHash('sha256').update(image).digest();
        }),
        ratioOf: peer === undefined ? 'limit ÷ ours' : 'peer ÷ ours',
      },
      {
        bench,
        what: 'more for a thumbnail; limit: making it, without storing it',
        unit: 'ms',
        ours: difference(small, thumbnails),
        limit: await cpuMsAlone(drawn, async (image) => {
          await thumbnailOf(image, 'png');
        }),
        ratioOf: 'limit ÷ ours',
      },
    ];
  } finally {
    await engine.stop();
  }
}

/** How much more CPU time rclone needs for each image of 1.5 MB than for a small one. */
async function rcloneDifference(
  { sandbox, stack, folder }: TestEngine,
  program: string,
  count: number,
  say: Say,
): Promise<number | undefined> {
  say(`rclone copies ${count} small images, then large ones`);
  const calls = callsOf(sandbox, TEST_API_KEY);
  const urls = await pMap(
    numberedPrompts('rclone', count),
    async (prompt) => calls.imageUrl(await calls.create({ prompt })),
    { concurrency: 16 },
  );
  const urlsFile = path.join(folder.path, 'urls.csv');
  await writeFile(urlsFile, urls.map((url, row) => `${url},${row}.png\n`).join(''));
  const copy = async (prefix: string, imageBytes: number | null): Promise<number | undefined> => {
    sandbox.configure({ imageBytes });
    return copyByRclone(program, stack.s3, { urlsFile, prefix });
  };
  return perRow(await copy('rclone-small', null), await copy('rclone-large', LARGE_BYTES), count);
}

/** CPU time that this process needs for a piece of work alone: the mean over some images, after a first round. */
async function cpuMsAlone(
  images: readonly Buffer[],
  work: (image: Buffer) => Promise<void>,
): Promise<number> {
  for (const image of images) await work(image);
  const before = process.cpuUsage();
  for (const image of images) await work(image);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / images.length;
}
