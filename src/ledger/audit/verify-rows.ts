import { z } from 'zod';
import type { RowOutcome } from '../../domain/rows/outcome.js';
import { csvRecords, isCsvFault } from '../files/text-file.js';
import { readEachLine } from '../files/json-lines.js';
import type { LocalCopy } from '../files/local-copies.js';
import type { Difference, Differences } from './difference.js';
import { matchEntries, type Numbered } from './match-entries.js';
import type { SealedRowsIndex } from './sealed-rows-index.js';

const MetadataFacts = z.object({
  file_name: z.string(),
  sha256: z.string(),
  width: z.int(),
  height: z.int(),
});

/** A line of one of the two files, reduced to the compared fields. */
interface FoundEntry {
  readonly line: number;
  readonly name: string;
  readonly facts: string;
}

/** A row that should have such a line. */
interface WantedEntry {
  readonly rowId: string;
  readonly name: string;
  readonly facts: string;
}

/** Compares metadata.jsonl with the stored rows, one line each, and calls `onLine` for each; returns the number of lines. */
export async function verifyMetadata(
  copy: LocalCopy,
  { key, imagesFolder }: { readonly key: string; readonly imagesFolder: string },
  index: SealedRowsIndex,
  differences: Differences,
  onLine: () => void,
): Promise<number> {
  let lines = 0;
  async function* found(): AsyncGenerator<{ number: number | undefined; entry: FoundEntry }> {
    for await (const read of readEachLine(copy.read(), MetadataFacts)) {
      const { line } = read;
      lines += 1;
      onLine();
      if (read.kind === 'unreadable') {
        differences.add({ kind: 'unreadable', key, line });
        continue;
      }
      const { file_name: name, sha256, width, height } = read.document;
      const entry = { line, name, facts: imageFacts({ sha256, width, height }) };
      yield { number: index.lineOfImage(`${imagesFolder}${name}`), entry };
    }
  }
  const wanted = wantedOf(index, ({ end, imageKey, rowId }) => {
    if (end.kind !== 'stored' || imageKey === undefined) return undefined;
    return { rowId, name: imageKey.slice(imagesFolder.length), facts: imageFacts(end.image) };
  });
  const kinds = {
    missing: 'missing-metadata',
    changed: 'changed-metadata',
    extra: 'extra-metadata',
  } as const;
  await compare(key, wanted, found(), kinds, differences);
  return lines;
}

function imageFacts({
  sha256,
  width,
  height,
}: Pick<z.infer<typeof MetadataFacts>, 'sha256' | 'width' | 'height'>): string {
  return `${width} × ${height}, sha256 ${sha256}`;
}

const FailureCells = z.looseObject({ id: z.string(), failure_kind: z.string() });

/** Compares failures.csv with the rows that ended without an image, a record each, and calls `onLine` for each; returns the number of records. */
export async function verifyFailures(
  copy: LocalCopy,
  key: string,
  index: SealedRowsIndex,
  differences: Differences,
  onLine: () => void,
): Promise<number> {
  let records = 0;
  async function* found(): AsyncGenerator<{ number: number | undefined; entry: FoundEntry }> {
    for await (const record of csvRecords(copy.read(), await delimiterOf(copy))) {
      records += 1;
      onLine();
      const cells = FailureCells.safeParse(record);
      if (!cells.success) {
        differences.add({ kind: 'unreadable', key, field: `record ${records}` });
        continue;
      }
      const { id, failure_kind: facts } = cells.data;
      yield { number: index.lineOfRow(id), entry: { line: records, name: id, facts } };
    }
  }
  const wanted = wantedOf(index, ({ end, rowId }) => {
    if (end.kind === 'stored') return undefined;
    return { rowId, name: rowId, facts: end.kind === 'failed' ? end.failure : end.kind };
  });
  const kinds = { missing: 'missing-failure', changed: 'changed-failure', extra: 'extra-failure' } as const;
  try {
    await compare(key, wanted, found(), kinds, differences);
  } catch (error) {
    if (!isCsvFault(error)) throw error;
    differences.add({ kind: 'unreadable', key });
  }
  return records;
}

/** Compares the records of rejects.csv with the number that ingest rejected. */
export async function verifyRejects(
  copy: LocalCopy,
  {
    key,
    delimiter,
    rejected,
  }: { readonly key: string; readonly delimiter: string; readonly rejected: number },
  differences: Differences,
): Promise<void> {
  let found = 0;
  try {
    for await (const record of csvRecords(copy.read(), delimiter)) found += record ? 1 : 0;
  } catch (error) {
    if (!isCsvFault(error)) throw error;
    differences.add({ kind: 'unreadable', key });
    return;
  }
  if (found !== rejected)
    differences.add({ kind: 'wrong-count', key, field: 'records', expected: rejected, found });
}

async function* wantedOf(
  index: SealedRowsIndex,
  entryOf: (outcome: RowOutcome) => WantedEntry | undefined,
): AsyncGenerator<Numbered<WantedEntry>> {
  for await (const { number, entry: outcome } of index.outcomes()) {
    const entry = entryOf(outcome);
    if (entry) yield { number, entry };
  }
}

async function compare(
  key: string,
  wanted: AsyncIterable<Numbered<WantedEntry>>,
  found: AsyncIterable<{ number: number | undefined; entry: FoundEntry }>,
  kinds: Readonly<Record<'missing' | 'changed' | 'extra', Difference['kind']>>,
  differences: Differences,
): Promise<void> {
  for await (const match of matchEntries(wanted, found)) {
    switch (match.kind) {
      case 'pair': {
        const { facts: expected, rowId } = match.wanted;
        const { facts, line } = match.found;
        if (expected !== facts)
          differences.add({ kind: kinds.changed, key, rowId, line, expected, found: facts });
        break;
      }
      case 'missing':
        differences.add({ kind: kinds.missing, key, rowId: match.wanted.rowId, expected: match.wanted.name });
        break;
      case 'extra':
        differences.add({ kind: kinds.extra, key, line: match.found.line, found: match.found.name });
        break;
    }
  }
}

/** The delimiter of a failures.csv, from its header: a newer run's batch.json may name another. */
async function delimiterOf(copy: LocalCopy): Promise<string> {
  for await (const head of copy.read().setEncoding('utf8')) {
    const [, delimiter] = /^\uFEFF?id(.{1,8}?)prompt/su.exec(String(head)) ?? [];
    return delimiter ?? ',';
  }
  return ',';
}
