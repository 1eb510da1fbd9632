import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { downloadSheet, type SheetDownload } from '../../../../src/sheet/fetch/download-sheet.js';
import { googleSheetsExport } from '../../../../src/sheet/fetch/sheet-url.js';
import { UsageError } from '../../../../src/errors.js';
import { loopbackCertificate } from '../../../support/services/loopback-certificate.js';
import { isAvailable } from '../../../support/setup/required.js';
import {
  startScriptedServer,
  type ScriptedServer,
  type SeenRequest,
} from '../../../support/services/scripted-server.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';

const SHEET = 'prompt,style\na fox,photo\n';
/** The settings of commands for typed addresses, and of schedules for stored ones. */
const TYPED = { isTyped: true, allowPrivateAddresses: false };
const STORED = { isTyped: false, allowPrivateAddresses: false };
const OPEN = { isTyped: false, allowPrivateAddresses: true };

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const page = (_: SeenRequest, response: ServerResponse): unknown =>
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end('\n<!DOCTYPE html><html><title>Hi</title></html>');

describe('downloading a sheet', () => {
  let server: ScriptedServer;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    [server, folder] = await Promise.all([startScriptedServer(), temporaryFolder()]);
  });
  afterAll(async () => {
    await server?.close();
    await folder?.remove();
  });

  /** The server by other notations of its address, and by name. */
  function sameMachine(): readonly string[] {
    const { port } = new URL(server.origin);
    return ['127.1', '2130706433', '[::ffff:127.0.0.1]', 'localhost'].map((host) => `http://${host}:${port}`);
  }

  async function download(
    address: string,
    options: Partial<Pick<SheetDownload, 'access' | 'signal' | 'limits' | 'onBytes'>> = {},
  ): Promise<{ readonly name: string | undefined; readonly bytes: Buffer }> {
    const copy = path.join(folder.path, 'sheet');
    const name = await downloadSheet({
      url: new URL(address, server.origin),
      copy,
      access: TYPED,
      signal: new AbortController().signal,
      onBytes: () => undefined,
      ...options,
    });
    return { name, bytes: await readFile(copy) };
  }

  /** The message of a refusal; fails if it contains a secret of the address. */
  async function refusal(
    answer: (request: SeenRequest, response: ServerResponse) => void,
    options: Parameters<typeof download>[1] = {},
  ): Promise<string> {
    server.answerWith(answer);
    const address = `${server.origin.replace('://', '://me:hush@')}/x/sheet.csv?token=secret#part`;
    const error: unknown = await download(address, options).catch((thrown: unknown) => thrown);
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).not.toMatch(/secret|hush|me:|part|\n/);
    expect(error.message).toContain(`${server.origin}/x/sheet.csv: `);
    return error.message;
  }

  test('stores it byte for byte, with the server’s file name or else the one in the address', async () => {
    const packed = gzipSync(SHEET);
    for (const { headers, address, name } of [
      {
        headers: {
          'content-disposition': `attachment; filename="a.csv"; filename*=UTF-8''M%C3%BCll%20-%20b.csv`,
        },
        address: '/export?x=1',
        name: 'Müll - b.csv',
      },
      {
        headers: { 'content-disposition': 'attachment; filename="..\\\\..\\\\evil/up.tsv"' },
        address: '/x.csv',
        name: 'up.tsv',
      },
      {
        headers: { 'content-disposition': 'gibberish;;' },
        address: '/my%20sheet.csv.gz?sig=1',
        name: 'my sheet.csv.gz',
      },
      { headers: { 'content-encoding': 'gzip' }, address: '/data.jsonl', name: 'data.jsonl' },
      { headers: {}, address: '/export', name: undefined },
      { headers: {}, address: '/%E0%A4%A/', name: undefined },
    ]) {
      server.answerWith((_, response) => response.writeHead(200, headers).end(packed));
      expect(await download(address)).toEqual({ name, bytes: packed });
    }
  });

  test('follows redirects to other hosts without sending them user and password', async () => {
    const elsewhere = server.origin.replace('127.0.0.1', 'localhost');
    server.answerWith((request, response) => {
      if (request.path === '/sheets/prompts.csv?k=1')
        response.writeHead(307, { location: '/hop' }).end('moved');
      else if (request.path === '/hop')
        response.writeHead(302, { location: `${elsewhere}/content?sig=2` }).end();
      else response.writeHead(200).end(SHEET);
    });
    const { name, bytes } = await download(
      `${server.origin.replace('://', '://me:p%40ss@')}/sheets/prompts.csv?k=1`,
      { access: OPEN },
    );
    expect([name, bytes.toString()]).toEqual(['prompts.csv', SHEET]);
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(server.seen.map(({ path: asked, headers }) => [asked, headers.authorization])).toEqual([
      ['/sheets/prompts.csv?k=1', basic],
      ['/hop', basic],
      ['/content?sig=2', undefined],
    ]);
  });

  test.each([
    [401, /needs a login \(401\)\. Share the sheet/],
    [403, /needs a login \(403\)\. Share the sheet/],
    [404, /not found \(404\)\. Check the address/],
    [429, /too many requests \(429\)\. Try again in 30 s/],
    [503, /the server failed \(503\)\. Try again later/],
    [418, /answered 418 instead of the sheet/],
  ])('reports status %i with advice', async (status, expected) => {
    expect(
      await refusal((_, response) =>
        response.writeHead(status, { 'retry-after': '30' }).end('<html>no</html>'),
      ),
    ).toMatch(expected);
  });

  test('refuses a web page, and a sign-in page as such', async () => {
    expect(await refusal(page)).toMatch(/it is a web page, not a sheet\. Use the link behind/);
    const signIn = (request: SeenRequest, response: ServerResponse): unknown =>
      request.path.startsWith('/v3/signin')
        ? page(request, response)
        : response.writeHead(302, { location: '/v3/signin/identifier?continue=secret' }).end();
    expect(await refusal(signIn)).toMatch(
      /redirects to a sign-in page of 127\.0\.0\.1:\d+\. Share the sheet/,
    );
  });

  test('gives up on endless redirects, invalid targets and unknown compression', async () => {
    let hops = 0;
    const endless = (_: SeenRequest, response: ServerResponse): unknown =>
      response.writeHead(302, { location: `/hop/${(hops += 1)}` }).end();
    expect(await refusal(endless)).toContain('more than 10 redirects');
    expect(
      await refusal((_, response) => response.writeHead(302, { location: 'file:///etc/secret' }).end()),
    ).toContain('cannot be fetched');
    const brotli = { 'content-encoding': 'br' };
    expect(await refusal((_, response) => response.writeHead(200, brotli).end('x'))).toContain(
      'compressed as "br"',
    );
  });

  describe('in a private network', () => {
    test('is allowed if a person typed the address or all are open, but not for a schedule', async () => {
      for (const origin of [server.origin, ...sameMachine()]) {
        server.answerWith((_, response) => response.writeHead(200).end(SHEET));
        await expect(download(`${origin}/s.csv?token=secret`, { access: STORED })).rejects.toMatchObject({
          isPassing: false,
          message: expect.stringMatching(
            /^http:\/\/[^/]+\/s\.csv: it leads to \S+, an address in a private or reserved network, .* BANANA_ALLOW_PRIVATE_ADDRESSES=true on the workers\./,
          ),
        });
        expect(server.seen).toHaveLength(0);
      }
      for (const access of [TYPED, OPEN]) {
        expect((await download('/s.csv', { access })).bytes.toString()).toBe(SHEET);
      }
    });

    test('is not reached by a redirect: the typed address allows only itself', async () => {
      const other = await startScriptedServer();
      other.answerWith((_, response) => response.writeHead(200).end('secrets of the network'));
      try {
        const { host } = new URL(server.origin);
        for (const target of [other.origin, ...sameMachine()]) {
          let hops = 0;
          server.answerWith((_, response) =>
            response.writeHead(302, { location: `${target}/${(hops += 1)}` }).end(),
          );
          // An address is the same in any notation of its numbers: this one is followed, and redirects endlessly.
          const isTyped = new URL(target).host === host;
          await expect(download('/s.csv', { access: TYPED })).rejects.toThrow(
            isTyped ? 'more than 10 redirects' : 'an address in a private or reserved network',
          );
        }
        expect(other.seen).toHaveLength(0);
        server.answerWith((_, response) => response.writeHead(302, { location: other.origin }).end());
        expect((await download('/s.csv', { access: OPEN })).bytes.toString()).toContain('secrets');
      } finally {
        await other.close();
      }
    });

    test('never reads metadata services and reserved addresses', async () => {
      const closed = [
        '169.254.169.254',
        '[fd00:ec2::254]',
        '100.100.100.200',
        '0.0.0.0',
        '[fe80::1]',
        '224.0.0.1',
      ];
      for (const host of closed) {
        server.answerWith((_, response) =>
          response.writeHead(307, { location: `http://${host}/latest/meta-data/?x=secret` }).end(),
        );
        for (const access of [TYPED, STORED, OPEN]) {
          await expect(download(`http://${host}/latest/meta-data/`, { access })).rejects.toThrow(
            'it leads to',
          );
          await expect(download('/s.csv', { access })).rejects.toThrow(
            /^http:\/\/127\.0\.0\.1:\d+\/s\.csv: it leads to (?!.*(?:meta-data|secret))/,
          );
        }
      }
    });
  });

  test('gives up if the connection is cut or silent, or the sheet is too large, declared or not', async () => {
    const declared = { 'content-length': '1000' };
    expect(
      await refusal((_, response) => {
        response.writeHead(200, declared).write(SHEET, () => response.destroy());
      }),
    ).toContain(`was lost after ${SHEET.length} B. Try again`);
    expect(
      await refusal((_, response) => void response.writeHead(200).write(SHEET), {
        limits: { timeoutMs: 300 },
      }),
    ).toContain(`stopped sending after ${SHEET.length} B`);
    expect(await refusal(() => undefined, { limits: { timeoutMs: 300 } })).toContain('does not answer');
    const small = { limits: { maxBytes: 100 } };
    expect(await refusal((_, response) => response.writeHead(200, declared).end(), small)).toContain(
      'larger than 100 B',
    );
    expect(await refusal((_, response) => response.writeHead(200).end('x'.repeat(200)), small)).toContain(
      'larger than',
    );
  });

  test('stops at once when interrupted', async () => {
    const controller = new AbortController();
    server.answerWith((_, response) => void response.writeHead(200).write(SHEET));
    const options = { signal: controller.signal, onBytes: () => controller.abort(new Error('enough')) };
    await expect(download('/sheet.csv', options)).rejects.toThrow('enough');
  });

  test('reports an unknown or silent host', async () => {
    await expect(download('https://no-such-host.invalid/s.csv')).rejects.toThrow('its host cannot be found');
    await expect(download('http://127.0.0.1:9/s.csv')).rejects.toThrow('its host refuses the connection');
  });

  test.runIf(isAvailable('openssl', hasOpenssl))('is refused if its host is not trusted', async () => {
    const { key, cert } = await loopbackCertificate(folder.path);
    const secure = createServer({ key, cert }, (_, response) => response.end(SHEET));
    await new Promise<void>((resolve) => {
      secure.listen(0, '127.0.0.1', resolve);
    });
    const { port } = secure.address() as AddressInfo;
    await expect(download(`https://127.0.0.1:${port}/s.csv?token=secret`)).rejects.toThrow(
      `https://127.0.0.1:${port}/s.csv: its host cannot be trusted (DEPTH_ZERO_SELF_SIGNED_CERT). If it is your own, name its certificate in NODE_EXTRA_CA_CERTS.`,
    );
    secure.close();
  });
});

describe('a Google Sheet', () => {
  const export1 = 'https://docs.google.com/spreadsheets/d/1AbC-d_e/export?format=csv';
  test.each([
    ['https://docs.google.com/spreadsheets/d/1AbC-d_e/edit#gid=0', `${export1}&gid=0`],
    ['https://docs.google.com/spreadsheets/d/1AbC-d_e/edit?gid=12#gid=34', `${export1}&gid=34`],
    ['https://docs.google.com/spreadsheets/d/1AbC-d_e/edit?usp=sharing', export1],
    [
      'https://docs.google.com/spreadsheets/u/1/d/1AbC-d_e/view?resourcekey=0-x',
      `${export1}&resourcekey=0-x`,
    ],
    ['https://docs.google.com/a/firm.example/spreadsheets/d/1AbC-d_e', export1],
    [
      'https://docs.google.com/spreadsheets/d/e/2PACX-1v/pubhtml?gid=7&single=true',
      'https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=csv&gid=7&single=true',
    ],
  ])('is read by its CSV export: %s', (page, expected) => {
    expect(googleSheetsExport(new URL(page))?.href).toBe(expected);
  });

  test.each([
    export1,
    'https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=csv',
    'https://docs.google.com/document/d/1AbC/edit',
    'https://docs.google.com.evil.example/spreadsheets/d/1AbC/edit',
  ])('is not the address %s', (address) => {
    expect(googleSheetsExport(new URL(address))).toBeUndefined();
  });
});
