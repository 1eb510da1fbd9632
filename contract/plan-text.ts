import { ALL_RULES } from './all-checks.js';
import type { SuiteOptions } from './options.js';
import { planSamples } from './samples.js';
import { tableOf } from './result-text.js';
import { counted, type Cost } from './verdict.js';

const QUESTION = '           then the first key again with another prompt, which may make an image';

/** What a run will do and what it costs at most, before it starts. */
export function planText(options: SuiteOptions): string {
  const { planned, leftOut } = options.onlyFree ? { planned: [], leftOut: [] } : planSamples(options);
  return [
    `Service    ${options.baseUrl}`,
    `Free       ${count('nothing')} checks cost nothing; ${count('nothing if it holds')} more cost nothing if their rule holds`,
    `Images     ${planned.length === 0 ? 'none' : `${counted(planned.length, 'image')}, for ${count('the images of the plan')} checks:`}`,
    ...planned.map(({ name }, index) => `           ${index + 1}. ${name}`),
    ...(planned.length > 0 && planned.length < options.maxImages ? [QUESTION] : []),
    ...leftOut.map(({ sample, enable }) => `           left out: ${sample.name} (${enable})`),
    `Most       ${counted(options.maxImages, 'image')}, even if the server accepts what it should refuse (--max-images)`,
  ].join('\n');
}

/** All checks, their sections and costs. */
export function listText(): string {
  return tableOf(
    ['check', 'section', 'rule or question', 'cost'],
    ALL_RULES.map(({ id, sentence, section, cost }) => [id, section, sentence, cost]),
  );
}

function count(cost: Cost): number {
  return ALL_RULES.filter((rule) => rule.cost === cost).length;
}
