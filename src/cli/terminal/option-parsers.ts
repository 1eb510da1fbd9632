import { InvalidArgumentError } from '@commander-js/extra-typings';
import ms, { type StringValue } from 'ms';
import type { BatchFolder } from '../../plan/place/batch-place.js';
import { BUDGET_RULE } from '../../domain/batch/batch-settings.js';
import { MAX_BUDGET, microsOf } from '../../domain/money/decimal.js';
import { BATCH_ID_RULE, parseBatchId, type BatchId } from '../../domain/rows/ids.js';
import { parseRate, RATE_RULE } from '../../domain/time/request-rate.js';
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

/** What a shard of an export takes at most: S3 takes no more than 5 GB at once. */
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

/** What a run may cost: an amount of at most six decimals, or `none`. */
export function budgetOrNone(text: string): string {
  return text.toLowerCase() === 'none' ? 'none' : budget(text);
}

/** What a run may cost: an amount of at most six decimals. */
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

/** Where to listen: a port on this machine alone, or `host:port`, with an IPv6 address in brackets. */
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

/** Names out of a list, separated by commas. */
export function namesOf<Name extends string>(names: readonly Name[]): (text: string) => readonly Name[] {
  return (text) =>
    text.split(',').map((part) => {
      const name = names.find((known) => known === part.trim());
      if (name === undefined)
        throw new InvalidArgumentError(`Expected one or more of ${names.join(', ')}, separated by commas.`);
      return name;
    });
}
