import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseScheduleName } from '../../../../src/domain/batch/schedule-name.js';
import { faultOf } from '../../../../src/schedules/firings/firing-refusal.js';
import { withFiringSheet } from '../../../../src/schedules/firings/firing-sheet.js';
import { ScheduledSheet } from '../../../../src/schedules/scheduled-sheet.js';
import type { ObjectStore } from '../../../../src/storage/object-store.js';
import { createS3ObjectStore } from '../../../../src/storage/s3/s3-object-store.js';
import { startScriptedServer, type ScriptedServer } from '../../../support/services/scripted-server.js';

const FETCH_MS = 700;
const PROMPTS = 'prompt\na fox\n';

describe('fetching the sheet of a schedule run', () => {
  let server: ScriptedServer;
  let store: ObjectStore;
  beforeAll(async () => {
    server = await startScriptedServer();
    const credentials = { accessKeyId: 'key', secretAccessKey: 'hush' };
    store = createS3ObjectStore({ endpoint: server.origin, region: 'us-east-1', credentials });
  });
  afterAll(async () => {
    store?.close();
    await server?.close();
  });

  const web = () => sheetAt({ kind: 'address', address: `${server.origin}/menu.csv?x=hush` });

  const read = (sheet: ScheduledSheet, signal = new AbortController().signal): Promise<string> =>
    withFiringSheet(
      { store, allowPrivateAddresses: true, fetchMs: FETCH_MS },
      sheet,
      signal,
      async ({ name }) => name,
    );

  it.each([
    ['whose body drips', () => web(), drippingBody],
    ['whose headers drip', () => web(), drippingHeaders],
    ['that redirects slowly and for ever', () => web(), slowRedirect()],
    ['in the bucket whose body drips', () => object(), drippingBody],
    ['in the bucket whose headers drip', () => object(), drippingHeaders],
    ['that is pinned, whose body drips', () => pinned(), drippingBody],
  ])('%s fails without being retried', async (_name, sheet, answer) => {
    server.answerWith((__, response) => answer(response));
    const error = await read(sheet()).catch((thrown: unknown) => thrown);
    const fault = faultOf(error, { schedule: 'menu', label: 'menu' });
    expect(fault).toMatchObject({
      kind: 'refused',
      refusal: {
        publicMessage: expect.stringMatching(/menu\.csv: fetching the sheet took more than 0\.7 s\./),
      },
    });
    expect(JSON.stringify(fault)).not.toContain('hush');
  });

  it('within the limit is read, and an aborted caller gets its own reason', async () => {
    server.answerWith((_, response) => response.writeHead(200).end(PROMPTS));
    expect(await read(web())).toBe('menu.csv');
    server.answerWith((_, response) => drippingBody(response));
    await expect(read(web(), AbortSignal.abort(new Error('the worker stops')))).rejects.toThrow(
      'the worker stops',
    );
    const controller = new AbortController();
    server.answerWith((_, response) => {
      drippingBody(response);
      controller.abort(new Error('the worker stops'));
    });
    await expect(read(web(), controller.signal)).rejects.toThrow('the worker stops');
  });
});

function sheetAt(source: ScheduledSheet['source']): ScheduledSheet {
  return ScheduledSheet.parse({
    format: 1,
    schedule: parseScheduleName('menu'),
    mode: 'fresh',
    home: { bucket: 'bucket', prefix: '' },
    source,
    sheetSettings: {},
    settings: {
      concurrency: 10,
      maxGenerations: 4,
      graceMs: 2_000,
      idempotencyHorizonMs: 86_400_000,
      probeFirstMs: 500,
      probeLongestMs: 1_000,
    },
    timezone: 'UTC',
    times: { kind: 'cron', expressions: ['0 0 1 1 *'] },
  });
}

const object = () => sheetAt({ kind: 'address', address: 's3://bucket/menu.csv' });

const pinned = () => sheetAt({ kind: 'pinned', key: 'k.csv', sha256: 'a'.repeat(64), name: 'menu.csv' });

/** Sends something every few milliseconds, forever. */
function drip(response: ServerResponse, write: () => void): void {
  const timer = setInterval(write, 20);
  response.once('close', () => clearInterval(timer));
}

function drippingBody(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/csv', 'content-length': 10_000_000 });
  drip(response, () => response.write('a fox\n'));
}

function drippingHeaders(response: ServerResponse): void {
  const { socket } = response;
  socket?.write('HTTP/1.1 200 OK\r\n');
  let count = 0;
  drip(response, () => socket?.write(`x-${(count += 1)}: drip\r\n`));
}

function slowRedirect(): (response: ServerResponse) => void {
  let hops = 0;
  return (response) => {
    setTimeout(() => response.writeHead(302, { location: `/hop/${(hops += 1)}/menu.csv` }).end(), 200);
  };
}
