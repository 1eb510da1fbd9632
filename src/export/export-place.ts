import type { ShardFile, WrittenFile } from '../report/export/shard-file.js';

/** Where an export goes: a folder, or a prefix in a bucket. Files lie directly in it; each is whole or not there. */
export interface ExportPlace {
  /** For people and for `--to`. */
  readonly address: string;
  /** What keeps this program's own files of an unfinished export apart from finished ones; run before anything else. */
  prepare(): Promise<void>;
  /** The files directly in it by name, with their sizes. */
  list(): Promise<ReadonlyMap<string, number>>;
  /** Undefined where there is no such file. */
  readText(name: string): Promise<string | undefined>;
  writeText(name: string, text: string, contentType: string): Promise<void>;
  /** Writes a file of any length through `fill`; it has its name only once all of it is there. */
  writeFile(
    name: string,
    contentType: string,
    fill: (file: ShardFile) => Promise<void>,
  ): Promise<WrittenFile>;
  /** Succeeds also where there is no such file. */
  delete(name: string): Promise<void>;
}
