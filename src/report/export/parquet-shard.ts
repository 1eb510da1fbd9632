import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import type { Cell } from '../../domain/rows/label-types.js';
import { cellsOf, type ExportColumn, huggingFaceSchema } from './export-columns.js';
import type { ShardFile } from './shard-file.js';
import type { RowWithImage } from './shard-images.js';

/** Readers and the writer hold at least one row group in memory. */
const GROUP_BYTES = 32 * 1024 * 1024;
const GROUP_ROWS = 2_000;
const SPILL_BYTES = 1024 * 1024;

/**
 * Writes rows as one Parquet file in which Hugging Face `datasets` finds an `Image` column: the files' own bytes and
 * names, uncompressed, without statistics (which would repeat whole images). Row groups of 32 MiB or 2,000 rows.
 */
export async function writeParquetShard(
  images: AsyncIterable<RowWithImage>,
  columns: readonly ExportColumn[],
  file: ShardFile,
): Promise<void> {
  const writer = new ParquetWriter({
    writer: new FileBytes(file),
    schema: schemaOf(columns),
    codec: 'UNCOMPRESSED',
    statistics: false,
    kvMetadata: [{ key: 'huggingface', value: huggingFaceSchema(columns) }],
    createdBy: 'banana-batch',
  });
  let group = new RowGroup(columns);
  for await (const image of images) {
    if (!group.isEmpty && !group.hasRoomFor(image)) {
      await group.writeTo(writer);
      group = new RowGroup(columns);
    }
    group.add(image);
  }
  if (!group.isEmpty) await group.writeTo(writer);
  await writer.finish();
}

class RowGroup {
  readonly #columns: readonly ExportColumn[];
  readonly #images: { readonly bytes: Uint8Array; readonly path: string }[] = [];
  readonly #cells: (Cell | bigint)[][];
  #bytes = 0;

  constructor(columns: readonly ExportColumn[]) {
    this.#columns = columns;
    this.#cells = columns.map(() => []);
  }

  get isEmpty(): boolean {
    return this.#images.length === 0;
  }

  hasRoomFor({ bytes }: RowWithImage): boolean {
    return this.#images.length < GROUP_ROWS && this.#bytes + bytes.length <= GROUP_BYTES;
  }

  add({ row, bytes }: RowWithImage): void {
    this.#bytes += bytes.length;
    this.#images.push({ bytes, path: row.fileName });
    for (const [index, cell] of cellsOf(this.#columns, row).entries()) {
      const isLong = this.#columns[index]?.type === 'int64' && typeof cell === 'number';
      this.#cells[index]?.push(isLong ? BigInt(cell) : cell);
    }
  }

  async writeTo(writer: ParquetWriter): Promise<void> {
    const rowGroupSize = this.#images.length;
    const columnData = [
      // A search for repeated images would compare all their bytes.
      { name: 'image', data: this.#images, encoding: 'PLAIN' as const },
      ...this.#columns.map(({ name }, index) => ({ name, data: this.#cells[index] ?? [] })),
    ];
    await writer.write({ columnData, rowGroupSize });
  }
}

const PHYSICAL_TYPES = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  mixed: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  bool: { type: 'BOOLEAN' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  float64: { type: 'DOUBLE' },
} as const satisfies Readonly<Record<ExportColumn['type'], Partial<SchemaElement>>>;

function schemaOf(columns: readonly ExportColumn[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length + 1 },
    { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
    { name: 'bytes', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY' },
    { name: 'path', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ...columns.map(({ name, type }): SchemaElement => ({
      name,
      repetition_type: 'OPTIONAL',
      ...PHYSICAL_TYPES[type],
    })),
  ];
}

/** Bytes that are written to a file as soon as there are enough of them. */
class FileBytes extends ByteWriter {
  readonly #file: ShardFile;

  constructor(file: ShardFile) {
    super(2 * SPILL_BYTES);
    this.#file = file;
  }

  override ensure(size: number): void {
    if (this.index + size > SPILL_BYTES) this.#spill();
    super.ensure(size);
  }

  override finish(): void {
    this.#spill();
  }

  #spill(): void {
    this.#file.write(this.getBytes());
    this.index = 0;
  }
}
