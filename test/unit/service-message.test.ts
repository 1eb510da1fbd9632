import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutPrompt } from '../../src/activities/service-message.js';

const word = fc.string({ unit: fc.constantFrom(...Array.from('abcdefgh')), minLength: 2, maxLength: 9 });
const text = fc.array(word, { minLength: 5, maxLength: 80 }).map((words) => words.join(' '));

describe('the words of the service in history', () => {
  it('never repeat the prompt, nor the beginning of it that was left after a cut', () => {
    fc.assert(
      fc.property(text, fc.nat(400), (prompt, cut) => {
        const message = `Refused: "${prompt}"`.slice(0, 40 + cut);
        const shown = withoutPrompt(message, prompt, 10_000);
        expect(prompt.length < 24 || !shown.includes(prompt.slice(0, 24))).toBe(true);
        expect(shown).toMatch(/^Refused: "/);
      }),
    );
  });

  it('do not repeat a prompt whose line breaks became spaces', () => {
    const prompt = 'a yellow bird\n\n  on a\tbranch';
    expect(withoutPrompt('No: a yellow bird on a branch.', prompt)).toBe('No: <prompt>.');
  });

  it('lose every URL, line break and what is past 300 characters', () => {
    const message = `see\n https://images.test/a.png?X-Amz-Signature=secret now ${'x'.repeat(400)}`;
    const shown = withoutPrompt(message, 'a bird');
    expect(shown).toMatch(/^see <url> now x+$/);
    expect(shown).toHaveLength(300);
  });

  it('keep what only resembles a very short prompt', () => {
    expect(withoutPrompt('too many cats', 'cat')).toBe('too many cats');
  });
});
