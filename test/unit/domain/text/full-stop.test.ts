import { expect, test } from 'vitest';
import { asPart, asSentence } from '../../../../src/domain/text/full-stop.js';

test.each([
  ['Invalid API key', 'Invalid API key.', 'Invalid API key'],
  ['It was refused. ', 'It was refused.', 'It was refused'],
  ['Who are you?', 'Who are you?', 'Who are you?'],
  ['It said "no."', 'It said "no."', 'It said "no."'],
  ['cut sho…', 'cut sho…', 'cut sho…'],
  ['wait...', 'wait...', 'wait...'],
])('%j is the sentence %j, and %j within another', (text, sentence, part) => {
  expect([asSentence(text), asPart(text)]).toEqual([sentence, part]);
});
