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

/** The present content of an export's place. */
export interface FoundExport {
  readonly manifest: ExportManifest | undefined;
  readonly unfinished: UnfinishedExport | undefined;
  /** All files directly in it, with their sizes. */
  readonly files: ReadonlyMap<string, number>;
}

/** What to do with it. */
export interface Continuation {
  /** Completed shards, by name. */
  readonly finished: ReadonlyMap<string, FinishedShard>;
  /** The export is already complete. */
  readonly isComplete: boolean;
  /** Shards of an earlier export, which must be deleted. */
  readonly replaces: readonly string[];
}

/** Reads the content of a place. Throws a UsageError if a file with one of our names is not ours. */
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
 * Continues the same plan, or replaces another one if overwriting is allowed. Throws a UsageError if it is not, and
 * if there are shards that are not ours: only files listed in our own manifest are ever deleted.
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
      // Shards that lack rows are written again: the images may be available by now.
      .filter(({ name, sizeBytes, missing }) => names.has(name) && files.get(name) === sizeBytes && !missing)
      .map((shard) => [shard.name, shard]),
  );
  return {
    finished,
    isComplete: !unfinished && finished.size === plan.shards.length,
    replaces: [...ours].filter((name) => files.has(name) && !finished.has(name)),
  };
}
