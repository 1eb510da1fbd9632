import { InvalidArgumentError } from '@commander-js/extra-typings';
import { MISBEHAVIOURS, MISBEHAVIOUR_NAMES, type MisbehaviourName } from '../local/sandbox/misbehaviour.js';
import { duration } from '../cli/terminal/option-parsers.js';

/** How long jobs take: `5s`, or from–to as in `2s..6s`. */
export function jobTime(text: string): { readonly min: number; readonly max: number } {
  const [from = '', to = from, ...more] = text.split('..');
  const [min, max] = [duration(from.trim()), duration(to.trim())];
  if (more.length > 0 || min > max)
    throw new InvalidArgumentError('Expected a time such as 5s, or two as in 2s..6s.');
  return { min, max };
}

/** A rate from 0 to 1. */
export function rate(text: string): number {
  const value = Number(text);
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(text) || value > 1) {
    throw new InvalidArgumentError('Expected a rate from 0 to 1, such as 0.05 for one in twenty.');
  }
  return value;
}

type Rates = Readonly<Partial<Record<MisbehaviourName, number>>>;

/** Collects `name=0.05` pairs of a repeatable flag. */
export function misbehaviourRate(text: string, before: Rates = {}): Rates {
  const at = text.indexOf('=');
  const name = MISBEHAVIOUR_NAMES.find((known) => known === text.slice(0, at).trim());
  if (name === undefined) {
    throw new InvalidArgumentError(
      'Expected NAME=RATE, such as image-cut=0.05; the names are in: banana-batch sandbox --help',
    );
  }
  return { ...before, [name]: rate(text.slice(at + 1).trim()) };
}

/** What follows the options in the sandbox's help: misbehaviours and prompt markers. */
export function sandboxHelp(): string {
  const widest = Math.max(...MISBEHAVIOUR_NAMES.map((name) => name.length));
  const misbehaviours = MISBEHAVIOUR_NAMES.map((name) => `  ${name.padEnd(widest)}  ${MISBEHAVIOURS[name]}`);
  const markers = Object.entries(MARKERS).map(([marker, fate]) => `  ${marker.padEnd(widest)}  ${fate}`);
  return [
    '',
    'Misbehaviours, for --rate NAME=0.05 (a job-… rate is per job, all others per request):',
    ...misbehaviours,
    '',
    'Markers in a prompt that decide how its job ends:',
    ...markers,
    '',
  ].join('\n');
}

const MARKERS = {
  '[[refuse]]': 'is refused by moderation, every time',
  '[[flaky]]': 'fails the first time only',
  '[[flaky-always]]': 'fails every time with an error that can be retried',
  '[[unknown-failure]]': 'fails every time with an unknown error',
  '[[lost]]': 'its job is a 404 at every poll',
  '[[no-image]]': 'finishes, but its image can never be downloaded',
  '[[stuck]]': 'never finishes',
  '[[invalid]]': 'its create is refused with 422',
} as const;
