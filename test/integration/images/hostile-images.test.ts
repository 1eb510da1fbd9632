import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startChangingProxy } from '../../support/services/changing-proxy.js';
import { images } from '../../support/contract-changes.js';
import { hostileImages } from '../../support/images/hostile-images.js';
import { isAvailable } from '../../support/setup/required.js';
import { submissionBench } from '../../support/batches/submission-bench.js';
import { startTestEngine, type TestEngine } from '../../support/stack/test-engine.js';
import { readEvidence } from '../../support/batches/batch-evidence.js';

const EACH = 4;
const IMAGE_MEMORY = 192e6;
const BESIDES = 300e6;

let engine: TestEngine;
let proxy: Awaited<ReturnType<typeof startChangingProxy>>;
beforeAll(async () => {
  engine = await startTestEngine({ sandbox: { jobTimeMs: { min: 100, max: 300 } } });
  const { sandbox } = engine;
  proxy = await startChangingProxy({ api: sandbox.apiUrl, images: sandbox.imagesUrl });
});
afterAll(async () => {
  await proxy?.close();
  await engine?.stop();
});

/** The peak memory of a process. */
async function peakBytes(pid: number): Promise<number> {
  const [, kilobytes = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

it.runIf(isAvailable('/proc', process.platform === 'linux'))(
  'a worker stores decompression bombs within --image-memory and 300 MB, and reports missing thumbnails',
  async () => {
    const { sandbox, stack } = engine;
    const hostile = Object.entries(await hostileImages());
    const bodies = new Map<string, Buffer>();
    const change = images((bytes) => {
      // Each job's image stays the same however often it is requested.
      const key = bytes.toString('latin1');
      const [, body = bytes] = hostile[bodies.size % hostile.length] ?? [];
      const own = bodies.get(key) ?? body;
      bodies.set(key, own);
      return own;
    });
    proxy.changeTo(change({ own: proxy.origin, images: sandbox.imagesUrl, input: '' }));
    const variables = { BANANAHUB_BASE_URL: proxy.baseUrl, BANANA_ALLOW_PRIVATE_ADDRESSES: 'true' };
    const worker = await engine.startWorker({ variables, args: ['--image-memory', '192MB'] });
    const rows = hostile.length * EACH;
    const { command, ended, location } = submissionBench(() => ({
      ...engine,
      variables: { ...engine.variables, ...variables },
    }));
    const sheet = ['id,prompt', ...Array.from({ length: rows }, (_, row) => `row-${row},bomb ${row}`)];
    const args = ['submit', '-', '--id', 'bombs', '--yes', '--near-duplicates'];
    expect(await command(args, `${sheet.join('\n')}\n`)).toMatchObject({ code: 0 });
    await ended('bombs');
    expect(await peakBytes(worker.pid)).toBeLessThan(IMAGE_MEMORY + BESIDES);
    const { report, outcomes } = await readEvidence(stack.s3.store, location('bombs'));
    expect(report.tally).toMatchObject({ total: rows, stored: rows });
    const large = hostile.filter(([name]) => /large|deep/.test(name)).length * EACH;
    expect(report.missingThumbnails).toMatchObject({ images: { 'too-large': large } });
    expect(report.missingThumbnails?.examples).toHaveLength(Math.min(20, large));
    const small = outcomes.flatMap(({ end }) =>
      end.kind === 'stored' && end.image.thumbnail ? [end.image] : [],
    );
    expect(small).toHaveLength(rows - large);
    expect(small.every(({ perceptualHash }) => perceptualHash !== undefined)).toBe(true);
    expect(worker.output().stderr).toContain('more memory than --image-memory allows');
    const { stdout } = await command(['status', 'bombs']);
    expect(stdout).toContain(
      `Stored without a thumbnail: ${large} too large to decode within --image-memory`,
    );
  },
);
