import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretRedactor } from '../../../../src/bananahub/texts/redact-secrets.js';
import { publicText } from '../../../../src/bananahub/texts/service-text.js';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=:;!$&%#"\'<>{}\\';
const keys = fc
  .array(fc.constantFrom(...Array.from(CHARACTERS)), { minLength: 16, maxLength: 80 })
  // Backslashes at its ends count as escapes of the text around it.
  .map((characters) => `K${characters.join('')}y`);

const each =
  (encode: (character: string, code: number) => string) =>
  (text: string): string =>
    Array.from(text, (character) => encode(character, character.charCodeAt(0))).join('');
const hex = (code: number, width: number): string => code.toString(16).padStart(width, '0');

const LETTERS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => JSON.stringify(text),
  (text) => JSON.stringify(JSON.stringify(text)),
  (text) => encodeURIComponent(text),
  (text) => encodeURIComponent(encodeURIComponent(text)),
  each((_, code) => `%${hex(code, 2)}`),
  each((_, code) => `\\u${hex(code, 4)}`),
  each((_, code) => `\\\\u${hex(code, 4).toUpperCase()}`),
  each((_, code) => `\\x${hex(code, 2)}`),
  each((_, code) => `&#${code};`),
  each((_, code) => `&#x${hex(code, 4)};`),
  each((_, code) => `&amp;#${code};`),
  (text) =>
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  (text) => Array.from(text).join('\u200b'),
  (text) => text.replaceAll(/.{7}/g, '$&\r\n '),
  each((_, code) => String.fromCharCode(code + 0xfee0)),
];
const BYTES: readonly ((text: string) => string)[] = [
  (text) => Buffer.from(text).toString('base64'),
  (text) => Buffer.from(text).toString('base64url'),
  (text) => Buffer.from(Buffer.from(text).toString('base64')).toString('base64'),
  (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
  (text) => Buffer.from(text).toString('hex'),
  (text) => Buffer.from(text).toString('hex').toUpperCase(),
  (text) => Buffer.from(text).toString('base64').replaceAll(/.{16}/g, '$&\n'),
];

/** The longest remaining part of the encoded secret. */
function longestLeft(shown: string, encoded: string): number {
  let longest = 0;
  for (let at = 0; at < encoded.length; at += 1) {
    while (at + longest < encoded.length && shown.includes(encoded.slice(at, at + longest + 1))) longest += 1;
  }
  return longest;
}

describe('a secret in another party’s text', () => {
  it('is found in every spelling, anywhere', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom(...LETTERS),
        fc.string(),
        fc.string(),
        (key, encode, before, after) => {
          const shown = secretRedactor([key])(`${before} ${encode(key)} ${after}`);
          expect(shown).toContain('[key]');
          // Only the surrounding text is left.
          expect(shown.length).toBeLessThan(before.length + after.length + 2 + 5 + 12);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('is found if it contains what looks like an escape', () => {
    const key = "K'<%AA&AAAAAAAAAAAAAAAAy";
    const escaped = 'K&#39;&lt;%AA&amp;AAAAAAAAAAAAAAAAy';
    expect(secretRedactor([key])(`no ${escaped} no`)).toBe('no [key] no');
  });

  it('is found in encoded bytes, whatever precedes it', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom(...BYTES),
        fc.string({ maxLength: 5 }),
        fc.string(),
        (key, encode, a, b) => {
          for (const text of [`Bearer ${key}`, key, a + key + b]) {
            const encoded = encode(text);
            const shown = secretRedactor([key])(`no ${encoded} no`);
            expect(shown).toContain('[key]');
            const plain = encode(key);
            expect(longestLeft(shown, plain)).toBeLessThan(17);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('leaves no part of more than five characters', () => {
    fc.assert(
      fc.property(keys, fc.nat(70), fc.nat(70), (random, from, length) => {
        // Backslashes count as escapes, not as characters.
        const key = random.replaceAll('\\', '-');
        const part = key.slice(from, from + length);
        expect(longestLeft(secretRedactor([key])(part), key)).toBeLessThanOrEqual(5);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is removed before a text is shortened', () => {
    const key = 'bh_live_9fQ2xLr7TzVb4KpW0sYdE3uJ';
    for (let at = 250; at < 310; at += 1) {
      const shown = publicText(`${'x'.repeat(at)}${key} and more`, secretRedactor([key]));
      expect(longestLeft(shown, key)).toBeLessThanOrEqual(5);
    }
  });

  it('takes time proportional to the length of the text only', () => {
    const redact = secretRedactor(['bh_live_9fQ2xLr7TzVb4KpW0sYdE3uJ']);
    for (const unit of [
      '\\',
      '%25',
      '&amp;',
      'http://',
      'https://a?',
      'bh_li',
      '/v1/a/1',
      '\u200b',
      'X-Amz-Signature=',
    ]) {
      const startedAt = performance.now();
      redact(unit.repeat(Math.ceil(20_000 / unit.length)));
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });

  it('does not change other texts', () => {
    const redact = secretRedactor(['bh_live_9fQ2xLr7TzVb4KpW0sYdE3uJ']);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(redact(text)).toBe(text);
      }),
    );
    expect(redact('Upstream returned no image. See https://a.test/b')).toBe(
      'Upstream returned no image. See https://a.test/b',
    );
  });

  it.each([
    ['https://b.test/a.png?X-Amz-Signature=f00dfeed&x=1 end', 'f00dfeed'],
    ['https:\\/\\/b.test\\/a.png\\u003fX-Amz-Signature\\u003df00dfeed end', 'f00dfeed'],
    ['https%3A%2F%2Fb.test%2Fa.png%3FX-Amz-Signature%3Df00dfeed end', 'f00dfeed'],
    ['https&#58;//b.test/a.png&#63;X-Amz-Signature=f00dfeed end', 'f00dfeed'],
    ['"X-Amz-Signature": "f00dfeed" end', 'f00dfeed'],
    ['POST https://h.test/v1/batch/1/2/3/1/f00dfeedf00dfeedf00d end', 'f00dfeed'],
  ])('removes the signature from %s', (text, secret) => {
    const shown = publicText(text);
    expect(shown).not.toContain(secret);
    expect(shown).toContain('end');
  });
});
