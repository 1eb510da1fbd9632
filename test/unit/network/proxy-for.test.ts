import { describe, expect, it } from 'vitest';
import { proxyFor, proxySecrets } from '../../../src/network/proxy-for.js';

const BOTH = { HTTPS_PROXY: 'http://secure:1', HTTP_PROXY: 'http://plain:2' };
const hostOf = (address: string, environment: Parameters<typeof proxyFor>[1]): string | undefined =>
  proxyFor(new URL(address), environment)?.host;

describe('the proxy of an address', () => {
  it('is that of its scheme, lower case first, and none if nothing is set', () => {
    expect(hostOf('https://api.example/x', BOTH)).toBe('secure:1');
    expect(hostOf('http://api.example/x', BOTH)).toBe('plain:2');
    expect(hostOf('https://api.example', { ...BOTH, https_proxy: 'http://lower:3' })).toBe('lower:3');
    expect(hostOf('http://api.example', { ...BOTH, http_proxy: 'lower:3' })).toBe('lower:3');
    expect(hostOf('https://api.example', { HTTP_PROXY: 'http://plain:2' })).toBeUndefined();
    expect(hostOf('https://api.example', { HTTPS_PROXY: '', https_proxy: ' ' })).toBeUndefined();
    expect(hostOf('https://api.example', {})).toBeUndefined();
  });

  it.each([
    'localhost',
    'x.localhost',
    'LOCALHOST.',
    '127.0.0.1',
    '127.8.9.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '0.0.0.0',
  ])('is never used for this machine: %s', (host) => {
    for (const scheme of ['http', 'https']) expect(hostOf(`${scheme}://${host}:7233`, BOTH)).toBeUndefined();
  });

  it.each([
    ['*', 'https://any.example', true],
    ['example.com', 'https://example.com', true],
    ['example.com', 'https://a.b.EXAMPLE.com', true],
    ['.example.com', 'https://a.example.com', true],
    ['*.example.com', 'https://a.example.com', true],
    ['example.com.', 'https://example.com', true],
    ['example.com', 'https://badexample.com', false],
    ['example.com:8443', 'https://example.com:8443', true],
    ['example.com:8443', 'https://example.com', false],
    ['example.com:443', 'https://example.com', true],
    ['other, example.com', 'https://example.com', true],
    ['other example.com', 'https://example.com', true],
    ['10.0.0.0/8', 'http://10.2.3.4', true],
    ['10.0.0.0/8', 'http://11.2.3.4', false],
    ['10.0.0.0/8', 'http://ten.example', false],
    ['192.168.1.9', 'http://192.168.1.9:9000', true],
    ['fd00::/8', 'http://[fd00::1]:9000', true],
    ['fd00::1', 'http://[fd00:0::1]:9000', true],
    ['[fd00::1]:9000', 'http://[fd00::1]:9000', true],
    ['s3', 'http://s3:9000', true],
    [',, ,', 'http://s3:9000', false],
  ])('NO_PROXY "%s" and %s', (list, address, isDirect) => {
    expect(hostOf(address, { ...BOTH, NO_PROXY: list }) === undefined).toBe(isDirect);
    expect(hostOf(address, { ...BOTH, no_proxy: list, NO_PROXY: 'else' }) === undefined).toBe(isDirect);
  });

  it('that is invalid is refused by its variable’s name, without its password', () => {
    for (const text of ['socks5://me:hush@proxy:1080', 'http://me:hush@', 'http://[hush']) {
      const read = (): unknown => proxyFor(new URL('https://api.example'), { HTTPS_PROXY: text });
      expect(read).toThrow(/^HTTPS_PROXY is not the address of an HTTP proxy: (?!.*hush)/);
    }
  });

  it('has secrets, encoded and not', () => {
    expect(
      proxySecrets({ https_proxy: 'http://me:p%40ssword@proxy:1', HTTP_PROXY: 'me:another@proxy' }),
    ).toEqual(expect.arrayContaining(['p%40ssword', 'p@ssword', 'another']));
  });
});
