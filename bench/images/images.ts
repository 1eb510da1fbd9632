import { createHash } from 'node:crypto';
import { Transformer } from '@napi-rs/image';
import prettyBytes from 'pretty-bytes';
import { createDownloadAgent } from '../../src/bananahub/images/download-agent.js';
import { downloadImage } from '../../src/bananahub/images/image-download.js';
import { inspectImage } from '../../src/domain/images/bytes/inspect.js';
import { startScriptedServer } from '../../test/support/services/scripted-server.js';
import { startTestS3 } from '../../test/support/stack/test-stack.js';
import type { Say } from '../program/bench.js';
import type { BenchRow } from '../program/row.js';

/** Sides of noisy squares that become about 1.5 and 15 MB. */
const SIDES = [740, 2_340];

/** Measures the cost of copying an image from the image host to the bucket, and separately the cost of checking it. */
export async function benchImages(
  { times }: { readonly times: number },
  say: Say,
): Promise<readonly BenchRow[]> {
  const s3 = await startTestS3();
  const host = await startScriptedServer();
  const agent = createDownloadAgent({ allowPrivateAddresses: true });
  const rows: BenchRow[] = [];
  try {
    for (const side of SIDES) {
      const png = await noisyPng(side);
      const what = `a PNG of ${prettyBytes(png.length)}`;
      say(`copying and checking ${what}, ${times} times`);
      host.answerWith((_, response) => response.end(png));
      const copyMs = await cpuMsPerTime(times, async (time) => {
        const { body, sha256, release } = await downloadImage(`${host.origin}/image`, { agent });
        const ref = { bucket: s3.bucket, key: `images/${side}-${time}.png` };
        await s3.store.put(ref, body, { contentType: 'image/png', sha256 });
        release();
      });
      const checkMs = await cpuMsPerTime(times, async () => {
        const { kind } = await inspectImage(png);
        if (kind !== 'image') throw new Error(`The picture is ${kind}.`);
      });
      const limit = await cpuMsPerTime(times, async () => {
        createHash('sha256').update(png).digest();
      });
      const common = { bench: 'images', unit: 'ms', limit, ratioOf: 'limit ÷ ours' } as const;
      rows.push(
        { ...common, what: `CPU time to copy ${what}, with the image host's; limit: SHA-256`, ours: copyMs },
        { ...common, what: `CPU time to check ${what}; limit: SHA-256`, ours: checkMs },
      );
    }
    return rows;
  } finally {
    await agent.destroy();
    await host.close();
    await s3.stop();
  }
}

async function cpuMsPerTime(times: number, work: (time: number) => Promise<void>): Promise<number> {
  await work(-1);
  const cpu = process.cpuUsage();
  for (let time = 0; time < times; time += 1) await work(time);
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 1_000 / times;
}

/** Photographs compress about as little: half of each byte is noise. */
async function noisyPng(side: number): Promise<Buffer> {
  const pixels = Buffer.alloc(side * side * 4, 255);
  let noise = 1;
  for (let at = 0; at < pixels.length; at += 1) {
    noise = (noise * 1_103_515_245 + 12_345) % 2_147_483_648;
    if (at % 4 !== 3) pixels[at] = 128 + ((noise >> 16) & 63) + (at % 61);
  }
  return Transformer.fromRgbaPixels(pixels, side, side).png();
}
