import { chance, pick } from '../src/local/sandbox/seeded-chance.js';
import type { PlannedBatch } from './plan.js';

const MODELS = ['pro', 'nb', 'nb2'] as const;

/** The mark of a row: a marker for the sandbox, or an invalid aspect ratio. */
const MARKS = ['[[flaky]]', '[[flaky]]', '[[refuse]]', '[[invalid]]', 'rejected'] as const;

/** Markers with which the service fails for one row and works for the others. */
export const POISONS = ['[[create-502]]', '[[bad-job-id]]', '[[poll-524]]', '[[image-500]]'] as const;

export type Poison = (typeof POISONS)[number];

/** A batch's sheet as CSV; the same for the same seed and batch. No other batch has the same prompts. */
export function chaosSheet(seed: string, { name, rows, markedShare, poison }: PlannedBatch): string {
  const poisoned = poison === undefined ? undefined : Math.floor(rows * chance(seed, name, 'poisoned row'));
  const lines = Array.from({ length: rows }, (_, row) => {
    const draw = (what: string): number => chance(seed, name, row, what);
    const marked = draw('marked') < markedShare ? pick(MARKS, draw('mark')) : undefined;
    const mark = row === poisoned ? poison : marked;
    const marker = mark === undefined || mark === 'rejected' ? '' : ` ${mark}`;
    const ratio = mark === 'rejected' ? '7:7' : '1:1';
    return `${name} row ${row}${marker},${pick(MODELS, draw('model'))},${ratio},label-${row}`;
  });
  return `prompt,model,aspect_ratio,label\n${lines.join('\n')}\n`;
}
