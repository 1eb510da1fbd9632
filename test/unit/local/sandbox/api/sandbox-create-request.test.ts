import { describe, expect, it } from 'vitest';
import { CREATE_ENDPOINTS } from '../../../../../src/local/sandbox/contract.js';
import { parseCreateRequest } from '../../../../../src/local/sandbox/api/create-request.js';

const ALL = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9', 'from_prompt'];
const LONG = ['1:4', '1:8', '4:1', '8:1'];
const urls = (count: number) =>
  Array.from({ length: count }, (_, index) => `https://example.com/${index}.png`);

/** The tables of the contract, a line per endpoint. */
const endpoints = [
  { path: '/nb/text-generations', resolution: false, ratios: ALL, refused: [...LONG, 'auto'], images: false },
  { path: '/nb/url-generations', resolution: false, ratios: ALL, refused: [...LONG, 'auto'], images: true },
  {
    path: '/nb2/text-generations',
    resolution: true,
    ratios: [...ALL, ...LONG],
    refused: ['auto'],
    images: false,
  },
  {
    path: '/nb2/url-generations',
    resolution: true,
    ratios: [...ALL, ...LONG, 'auto'],
    refused: [],
    images: true,
  },
  {
    path: '/text-generations',
    resolution: true,
    ratios: [...ALL, ...LONG],
    refused: ['auto'],
    images: false,
  },
  {
    path: '/url-generations',
    resolution: true,
    ratios: [...ALL, ...LONG, 'auto'],
    refused: [],
    images: true,
  },
];

describe.each(endpoints)('$path', ({ path, resolution, ratios, refused, images }) => {
  const good = {
    prompt: 'a bird',
    aspect_ratio: '1:1',
    ...(resolution ? { resolution: '2K' } : {}),
    ...(images ? { input_images_urls: urls(1) } : {}),
  };
  const parse = (body: unknown) => {
    const endpoint = CREATE_ENDPOINTS.get(path);
    if (endpoint === undefined) throw new Error(`${path} is not served`);
    return parseCreateRequest(endpoint, JSON.stringify(body));
  };
  const digest = (body: unknown) => {
    const parsed = parse(body);
    return 'request' in parsed ? parsed.request.digest : undefined;
  };
  const fieldsRefused = (body: unknown) => {
    const parsed = parse(body);
    return 'problems' in parsed ? parsed.problems.map(({ loc }) => loc.join('.')) : [];
  };
  const without = (field: string) =>
    Object.fromEntries(Object.entries(good).filter(([name]) => name !== field));

  it('accepts each of its aspect ratios and no other', () => {
    for (const aspect_ratio of ratios) expect(fieldsRefused({ ...good, aspect_ratio })).toEqual([]);
    for (const aspect_ratio of [...refused, '7:5', '', null]) {
      expect(fieldsRefused({ ...good, aspect_ratio })).toEqual(['body.aspect_ratio']);
    }
    expect(fieldsRefused(without('aspect_ratio'))).toEqual(['body.aspect_ratio']);
  });

  it('requires a resolution of 1K, 2K or 4K, or accepts none at all', () => {
    for (const value of ['1K', '2K', '4K']) {
      const expected = resolution ? [] : ['body.resolution'];
      expect(fieldsRefused({ ...good, resolution: value })).toEqual(expected);
    }
    for (const value of ['8K', '1k', null]) {
      expect(fieldsRefused({ ...good, resolution: value })).toEqual(['body.resolution']);
    }
    expect(fieldsRefused(without('resolution'))).toEqual(resolution ? ['body.resolution'] : []);
  });

  it('requires 1–14 input images by http(s), or accepts none at all', () => {
    const refusedFor = (input_images_urls: unknown) => fieldsRefused({ ...good, input_images_urls });
    expect(refusedFor(urls(1))).toEqual(images ? [] : ['body.input_images_urls']);
    if (!images) return;
    expect(refusedFor(urls(14))).toEqual([]);
    expect(refusedFor(urls(15))).toEqual(['body.input_images_urls']);
    expect(refusedFor([])).toEqual(['body.input_images_urls']);
    expect(refusedFor(['ftp://example.com/a.png'])).toEqual(['body.input_images_urls.0']);
    expect(refusedFor(['not a url'])).toEqual(['body.input_images_urls.0']);
    expect(fieldsRefused(without('input_images_urls'))).toEqual(['body.input_images_urls']);
  });

  it('requires a prompt of one character besides null bytes, and strips those', () => {
    expect(parse({ ...good, prompt: 'a\0b' })).toMatchObject({ request: { prompt: 'ab' } });
    for (const prompt of ['', '\0\0', 7, null, 'is [[invalid]]']) {
      expect(fieldsRefused({ ...good, prompt })).toEqual(['body.prompt']);
    }
    expect(fieldsRefused(without('prompt'))).toEqual(['body.prompt']);
  });

  it('accepts an http(s) callback URL or none, and no unknown field', () => {
    expect(fieldsRefused({ ...good, callback_url: 'http://127.0.0.1:1/hook' })).toEqual([]);
    expect(fieldsRefused({ ...good, callback_url: 'file:///etc/passwd' })).toEqual(['body.callback_url']);
    expect(fieldsRefused({ ...good, colour: 'red' })).toEqual(['body.colour']);
  });

  it('distinguishes equal and different requests by their digest', () => {
    expect(digest(Object.fromEntries(Object.entries(good).toReversed()))).toBe(digest(good));
    expect(digest({ ...good, prompt: 'another bird' })).not.toBe(digest(good));
    expect(digest({ ...good, aspect_ratio: '3:2' })).not.toBe(digest(good));
  });

  it('reports all problems of a body at once, and a body that is not JSON', () => {
    expect(fieldsRefused({})).toContain('body.prompt');
    expect(fieldsRefused({})).toContain('body.aspect_ratio');
    expect(fieldsRefused([])).toEqual(['body']);
    const endpoint = CREATE_ENDPOINTS.get(path) ?? { model: 'pro', mode: 'text' };
    expect(parseCreateRequest(endpoint, '{')).toMatchObject({ problems: [{ type: 'json_invalid' }] });
  });
});
