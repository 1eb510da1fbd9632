import { existsSync, readFile } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch, type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import type { RunRef } from '../../../src/storage/layout.js';
import { LOST, writeLongContactSheet } from '../../support/images/long-contact-sheet.js';
import { isAvailable } from '../../support/setup/required.js';
import { startTestS3, type TestS3 } from '../../support/stack/test-stack.js';

const CHROMIUM = process.env['BANANA_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const ROWS = 100_000;

describe.runIf(isAvailable('Chromium', existsSync(CHROMIUM)))('the contact sheet of 100,000 rows', () => {
  let s3: TestS3;
  let server: Server;
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    s3 = await startTestS3();
    const run: RunRef = {
      bucket: s3.bucket,
      root: 'long batch/',
      batchId: 'long batch' as BatchId,
      runSeq: 1,
    };
    await writeLongContactSheet(s3.store, run, ROWS);
    folder = path.join(s3.folder, s3.bucket, run.batchId);
    server = createServer((request, response) => {
      const file = path.join(folder, decodeURIComponent(new URL(request.url ?? '', 'http://host').pathname));
      const type = { '.html': 'text/html', '.js': 'text/javascript' }[path.extname(file)];
      readFile(file, (error, body) => {
        response.writeHead(error ? 404 : 200, type ? { 'content-type': type } : {}).end(error ? '' : body);
      });
    }).listen(0, '127.0.0.1');
    browser = await launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    await s3?.stop();
  });

  const addresses = {
    folder: () => `${pathToFileURL(folder).href}/`,
    bucket: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  };

  /** Opens the sheet for `look`; returns the browser's errors, and requests to other hosts. */
  const opened = async (
    from: keyof typeof addresses,
    look: (page: Page, rows: (wanted: RegExp) => Promise<readonly string[]>) => Promise<void>,
    hash = '',
  ): Promise<readonly string[]> => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const root = addresses[from]();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => complaints.push(`${message.text()} ${message.location().url}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(root) && request.url() !== 'data:,') complaints.push(request.url());
    });
    /** The visible rows once the sheet shows their number. */
    const rows = async (wanted: RegExp): Promise<readonly string[]> => {
      await page.waitForFunction(
        `${String(wanted)}.test(document.querySelector('#status').textContent) && !document.querySelector('[aria-busy]')`,
      );
      return page.$$eval('.card .row', (links) => links.map((link) => link.textContent ?? ''));
    };
    try {
      await page.goto(`${root}contact-sheet.html${hash}`);
      await look(page, rows);
    } finally {
      await page.close();
    }
    return complaints;
  };

  it.each(['folder', 'bucket'] as const)(
    'pages, and filters by label and failure, opened from a %s',
    async (from) => {
      const complaints = await opened(from, async (page, rows) => {
        const first = await rows(/^100,000 rows$/);
        expect(first).toHaveLength(100);
        expect(first[0]).toBe('heron-0');
        expect(await page.$eval('.counts', (counts) => counts.textContent)).toContain('666 refused');
        expect(await page.$$eval('.prompt', ([prompt]) => prompt?.textContent)).toContain('<b>number</b> 0');

        await page.click('nav a:last-child');
        await rows(/^100,000 rows$/);
        await page.waitForFunction(`document.querySelector('.row').textContent === 'tram-99900'`);

        await page.select('select[name="label.style"]', '=photo');
        const photos = await rows(/^25,000 of 100,000 rows$/);
        expect(photos.slice(0, 2)).toEqual(['heron-0', 'orchard-4']);

        await page.select('select[name="label.style"]', '=oil painting');
        await page.select('select[name="outcome"]', '=refused');
        const refused = await rows(/^333 of 100,000 rows$/);
        expect(refused[0]).toBe('teapot-149');
        expect(await page.$$eval('.none', (panels) => panels.length)).toBe(100);
        expect(new URL(page.url()).hash).toBe('#outcome=refused&label.style=oil+painting');

        await page.click('#clear');
        expect(await rows(/^100,000 rows$/)).toEqual(first);
      });
      // The one thumbnail that is lost; the image itself is shown instead.
      expect(complaints.filter((text) => !text.includes(`thumbnails/${LOST}`))).toEqual([]);
    },
  );

  it('searches the whole batch, and restores a view from its address', async () => {
    await opened(
      'folder',
      async (page, rows) => {
        expect(await rows(/^1 of 100,000 rows$/)).toEqual(['teapot-77779']);
        expect(await page.evaluate(`document.querySelector('#find').value`)).toBe('number 77779 TEAPOT');
      },
      '#find=number%2077779%20TEAPOT',
    );
    await opened(
      'folder',
      async (page, rows) => {
        expect(await rows(/^100,000 rows$/)).toHaveLength(100);
        expect(await page.$eval('.card.target', (card) => card.id)).toBe('row-54321');
      },
      '#row=54321',
    );
    await opened(
      'folder',
      async (page, rows) => {
        expect(await rows(/^3 of 100,000 rows$/)).toEqual(['heron-7', 'heron-70007', 'teapot-1234']);
        expect(await page.$$eval('.alike', (notes) => notes.map((note) => note.textContent))).toEqual([
          'Group 1 · 3 of 64 bits apart',
          'Group 1 · 3 of 64 bits apart',
          'Group 2',
        ]);
      },
      '#alike=near-duplicates',
    );
  });

  it.each([
    ['an id', 'heron-77000', ['heron-77000']],
    ['a name, which it shows instead of the id', 'sf 77500', ['named/SF 77500']],
    ['the id of a row with a name', 'id:tram-77500', ['named/SF 77500']],
    ["a name's file", 'name:named/SF 77500.png', ['named/SF 77500']],
    ['a line, and what else says the number', '77502', ['named/SF 77500', 'harbour-77502']],
    ['a line alone', 'line:77502', ['named/SF 77500']],
  ])('finds a row by %s', async (_, find, found) => {
    await opened(
      'folder',
      async (page, rows) => {
        expect(await rows(/^\d+ of 100,000 rows$/)).toEqual(found);
        const facts = await page.$$eval('.more', ([list]) => list?.textContent);
        expect(facts).toMatch(/^(line77002file|idtram-77500line77502filenamed\/SF 77500.png)/);
      },
      `#find=${encodeURIComponent(find)}`,
    );
  });

  it('shows the image itself if its thumbnail is lost, and loads only what is near the view', async () => {
    await opened('bucket', async (page, rows) => {
      await rows(/^100,000 rows$/);
      await page.waitForFunction(`(([lost, other]) =>
        lost.src.endsWith('heron-0.png') && lost.naturalWidth > 0 && other.naturalWidth > 0
      )(document.images)`);
      expect(await page.$$eval('img', (images) => images.at(-1)?.complete)).toBe(false);
    });
  });

  it('says without JavaScript what the first rows are, and where the others are', async () => {
    const page = await browser.newPage();
    await page.setJavaScriptEnabled(false);
    await page.goto(`${addresses.folder()}contact-sheet.html`);
    const text = await page.content();
    await page.close();
    expect(text).toContain('These are the first 48 of 100,000 rows');
    expect([...text.matchAll(/<figure>/g)]).toHaveLength(48);
  });
});
