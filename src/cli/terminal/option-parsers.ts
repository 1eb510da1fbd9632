import { InvalidArgumentError } from '@commander-js/extra-typings';
import ms, { type StringValue } from 'ms';
import type { BatchFolder } from '../../plan/place/batch-place.js';
import { BUDGET_RULE } from '../../domain/batch/batch-settings.js';
import { MAX_BUDGET, microsOf } from '../../domain/money/decimal.js';
import { BATCH_ID_RULE, parseBatchId, type BatchId } from '../../domain/rows/ids.js';
import { parseRate, RATE_RULE } from '../../domain/time/request-rate.js';
import {
  MISBEHAVIOURS,
  MISBEHAVIOUR_NAMES,
  type MisbehaviourName,
} from '../../local/sandbox/misbehaviour.js';
import { s3FolderIn } from '../../storage/folder-name.js';

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A rate such as `600/m` in requests a second, or `off`. */
export function chosenRate(text: string): number | 'off' {
  if (text.toLowerCase() === 'off') return 'off';
  const perSecond = parseRate(text);
  if (perSecond === undefined) throw new InvalidArgumentError(`Expected ${RATE_RULE}, or off.`);
  return perSecond;
}

/** A duration such as `90s`, `10m`, `2h` or `1d`, in milliseconds. */
export function duration(text: string): number {
  const value = /^\d+(\.\d+)?\s*[a-z]+$/i.test(text) ? ms(text as StringValue) : undefined;
  if (value === undefined || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('Expected a duration such as 90s, 10m, 2h or 1d.');
  }
  return value;
}

/** A size such as `256MB` or `1GB`, in bytes. */
export function byteSize(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(KB|MB|GB)$/i.exec(text) ?? [];
  const factor = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }[unit.toUpperCase()];
  if (amount === undefined || factor === undefined) {
    throw new InvalidArgumentError('Expected a size such as 256MB or 1GB.');
  }
  return Math.round(Number(amount) * factor);
}

/** Maximum size of a shard of an export: S3 accepts at most 5 GB at once. */
export function shardSize(text: string): number {
  const size = byteSize(text);
  if (size < 64 * 1024 || size > 4 * 1024 ** 3) throw new InvalidArgumentError('Expected 64KB to 4GB.');
  return size;
}

/** Collects `ours=theirs` pairs of a repeatable flag. */
export function pair(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new InvalidArgumentError('Expected OURS=THEIRS, such as prompt=Caption.');
  }
  return { ...before, [text.slice(0, at).trim().toLowerCase()]: text.slice(at + 1).trim() };
}

/** A run's budget: an amount with at most six decimals, or `none`. */
export function budgetOrNone(text: string): string {
  return text.toLowerCase() === 'none' ? 'none' : budget(text);
}

/** A run's budget: an amount with at most six decimals. */
export function budget(text: string): string {
  if (microsOf(text, MAX_BUDGET) === undefined) throw new InvalidArgumentError(`Expected ${BUDGET_RULE}.`);
  return text;
}

/** A batch id. */
export function batchId(text: string): BatchId {
  const parsed = parseBatchId(text);
  if (!parsed) throw new InvalidArgumentError(`Expected ${BATCH_ID_RULE}.`);
  return parsed;
}

/** Where to listen: a port on this machine only, or `host:port`, with an IPv6 address in brackets. */
export function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, host, port = ''] =
    /^(?:(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):)?(\d{1,5})$/i.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('Expected a port, or host:port, such as 8787 or 0.0.0.0:8787.');
  }
  return { host: bracketed ?? host ?? '127.0.0.1', port: Number(port) };
}

/** A folder of a bucket: `s3://bucket/folder/`. */
export function s3Folder(text: string): BatchFolder {
  const folder = s3FolderIn(text);
  if (!folder)
    throw new InvalidArgumentError('Expected a folder of a bucket, such as s3://my-images/spring/.');
  return folder;
}

/** Names from a list, separated by commas. */
export function namesOf<Name extends string>(names: readonly Name[]): (text: string) => readonly Name[] {
  return (text) =>
    text.split(',').map((part) => {
      const name = names.find((known) => known === part.trim());
      if (name === undefined)
        throw new InvalidArgumentError(`Expected one or more of ${names.join(', ')}, separated by commas.`);
      return name;
    });
}

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

/** The text after the options in the sandbox's help: misbehaviours and prompt markers. */
export function sandboxHelp(): string {
  const widest = Math.max(...MISBEHAVIOUR_NAMES.map((name) => name.length));
  const misbehaviours = MISBEHAVIOUR_NAMES.map((name) => `  ${name.padEnd(widest)}  ${MISBEHAVIOURS[name]}`);
  const markers = Object.entries(MARKERS).map(([marker, fate]) => `  ${marker.padEnd(widest)}  ${fate}`);
  return [
    '',
    'Misbehaviours, for --rate NAME=0.05 (a job-… rate is per job, all others per request):',
    ...misbehaviours,
    '',
    'Markers in a prompt that decide how or when its job ends:',
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
  '[[takes:25s]]': 'takes 25 s, or another whole number of seconds',
  '[[invalid]]': 'its create is refused with 422',
} as const;
