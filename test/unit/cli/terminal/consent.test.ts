import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { askConsent, type Consent } from '../../../../src/cli/terminal/consent.js';
import { eventually } from '../../../support/eventually.js';

/** Asks at a terminal and calls `act` once the question is shown. */
async function ask(act: (keyboard: PassThrough, interrupt: () => void) => void): Promise<Consent> {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  const interruption = new AbortController();
  let shown = '';
  stderr.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const consent = askConsent({ stdin, stderr, interrupted: interruption.signal }, 'Make 3 images?');
  await eventually(() => shown.includes('Make 3 images? [y/N]'), { what: 'the question is shown' });
  act(stdin, () => interruption.abort());
  return consent;
}

describe('a question at a terminal', () => {
  test.each([
    ['\r', 'declined'],
    ['y\r', 'given'],
    ['Yes\r', 'given'],
    ['n\r', 'declined'],
    ['what?\r', 'declined'],
    ['\u0004', 'declined'],
    ['ye\u0003', 'interrupted'],
  ] as const)('answered with the keys %j is %s', async (keys, consent) => {
    expect(await ask((keyboard) => keyboard.write(keys))).toBe(consent);
  });

  test('counts as declined when the terminal closes', async () => {
    expect(await ask((keyboard) => keyboard.end())).toBe('declined');
  });

  test('is interrupted by a signal', async () => {
    expect(await ask((_, interrupt) => interrupt())).toBe('interrupted');
  });

  test('is not asked once the process is stopping', async () => {
    const asked = { stdin: new PassThrough(), stderr: new PassThrough(), interrupted: AbortSignal.abort() };
    expect(await askConsent(asked, 'Make 3 images?')).toBe('interrupted');
  });
});
