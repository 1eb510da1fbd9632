import { UsageError } from '../../errors.js';
import type { ExportPlan } from './export-plan.js';
import { isShardName } from './export-format.js';
import {
  ExportManifest,
  MANIFEST_NAME,
  UNFINISHED_NAME,
  UnfinishedExport,
  type FinishedShard,
} from './export-manifest.js';
import type { ExportPlace } from './shard-file.js';

/** What lies where an export is to go. */
export interface FoundExport {
  readonly manifest: ExportManifest | undefined;
  readonly unfinished: UnfinishedExport | undefined;
  /** All files directly there, with their sizes. */
  readonly files: ReadonlyMap<string, number>;
}

/** What is to be done with it. */
export interface Continuation {
  /** Shards that are there already, by name. */
  readonly finished: ReadonlyMap<string, FinishedShard>;
  /** All of it is there already. */
  readonly isComplete: boolean;
  /** Shards of an earlier export, which have to go. */
  readonly replaces: readonly string[];
}

/** Reads what lies at a place. Throws a UsageError where a file under one of our names is not ours. */
export async function findExport(place: ExportPlace): Promise<FoundExport> {
  const [manifest, unfinished, files] = [
    await readJson(place, MANIFEST_NAME, ExportManifest),
    await readJson(place, UNFINISHED_NAME, UnfinishedExport),
    await place.list(),
  ];
  return { manifest, unfinished, files };
}

async function readJson<T>(
  place: ExportPlace,
  name: string,
  schema: { readonly parse: (value: unknown) => T },
): Promise<T | undefined> {
  const text = await place.readText(name);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(
      `${place.address} has a file ${name} that this version of banana-batch did not write. Choose another place, or move it away.`,
      { cause },
    );
  }
}

/**
 * Continues with the same plan, and takes the place of another one where that may be overwritten. Throws a UsageError
 * where it may not, and where there are shards that are not ours: nothing is ever deleted that no file of ours names.
 */
export function continuationOf(
  { manifest, unfinished, files }: FoundExport,
  plan: Pick<ExportPlan, 'digest' | 'shards'>,
  { address, overwrite }: { readonly address: string; readonly overwrite: boolean },
): Continuation {
  const known = unfinished ?? manifest;
  const ours = new Set([
    ...(manifest?.shards ?? []).map(({ name }) => name),
    ...(unfinished?.planned ?? []),
    ...(unfinished?.replaces ?? []),
  ]);
  const foreign = [...files.keys()].filter((name) => isShardName(name) && !ours.has(name));
  if (foreign.length > 0) {
    throw new UsageError(
      `${address} has shards that are not in an export.json of banana-batch (${foreign.slice(0, 3).join(', ')}), and readers would load them together with this export. Choose another place, or move them away.`,
    );
  }
  if (known && known.plan !== plan.digest && !overwrite) {
    throw new UsageError(
      `${address} holds ${unfinished ? 'a part of ' : ''}another export: batch "${known.batchId}", run ${known.runSeq}, as ${known.exportFormat}. Replace it with --overwrite, or choose another place.`,
    );
  }
  const same = known?.plan === plan.digest ? known : undefined;
  const names = new Set(plan.shards.map(({ name }) => name));
  const finished = new Map(
    (same?.shards ?? [])
      // What lacks rows is written again: their images may be there by now.
      .filter(({ name, sizeBytes, missing }) => names.has(name) && files.get(name) === sizeBytes && !missing)
      .map((shard) => [shard.name, shard]),
  );
  return {
    finished,
    isComplete: !unfinished && finished.size === plan.shards.length,
    replaces: [...ours].filter((name) => files.has(name) && !finished.has(name)),
  };
}
