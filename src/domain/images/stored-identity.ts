import { createHash } from 'node:crypto';
import { formerRowId } from '../identity/row-id.js';
import type { ContentHash, JobId, RowId } from '../rows/ids.js';
import { NO_THUMBNAIL, type ImageFacts, type ImageType } from '../rows/outcome.js';
import type { PromptRow } from '../rows/row.js';
import { imageNameOf } from './image-name.js';

/** The identity in a stored image's metadata: its row, and its bytes. */
export interface StoredIdentity {
  readonly contentHash: ContentHash;
  /** `rowTagOf` the row's id; undefined for images stored by earlier versions. */
  readonly rowTag?: string;
  /** The run that put it there. */
  readonly runSeq: number;
  readonly generation: number;
  readonly jobId: JobId;
  readonly image: ImageFacts;
}

/** The identity as an object's own metadata: ASCII, well under 2 KiB. */
export function toStoredIdentity(identity: StoredIdentity): Readonly<Record<string, string>> {
  const { contentHash, rowTag, runSeq, generation, jobId, image } = identity;
  return {
    'content-hash': contentHash,
    ...(rowTag !== undefined && { 'row-tag': rowTag }),
    'run-seq': String(runSeq),
    generation: String(generation),
    'job-id': jobId,
    sha256: image.sha256,
    'image-type': image.type,
    'image-width': String(image.width),
    'image-height': String(image.height),
    'image-bytes': String(image.sizeBytes),
    ...(image.thumbnail && { 'image-thumbnail': 'true' }),
    ...(image.noThumbnail && { 'image-no-thumbnail': image.noThumbnail }),
    ...(image.perceptualHash !== undefined && { 'perceptual-hash': image.perceptualHash }),
  };
}

const TYPES: ReadonlySet<string> = new Set<ImageType>(['png', 'jpg', 'webp']);

/** The identity in an object's metadata; undefined for an object that is not ours. */
export function fromStoredIdentity(metadata: Readonly<Record<string, string>>): StoredIdentity | undefined {
  const contentHash = metadata['content-hash'];
  const rowTag = metadata['row-tag'];
  const jobId = metadata['job-id'];
  const sha256 = metadata['sha256'];
  const type = metadata['image-type'];
  const perceptualHash = metadata['perceptual-hash'];
  const noThumbnail = NO_THUMBNAIL.find((reason) => reason === metadata['image-no-thumbnail']);
  const [runSeq, generation, width, height, sizeBytes] = [
    'run-seq',
    'generation',
    'image-width',
    'image-height',
    'image-bytes',
  ].map((name) => Number(metadata[name] ?? Number.NaN));
  if (!contentHash || !jobId || !sha256 || !isImageType(type)) return undefined;
  if (
    !isCount(runSeq) ||
    !isCount(generation) ||
    !isCount(width) ||
    !isCount(height) ||
    !isCount(sizeBytes)
  ) {
    return undefined;
  }
  return {
    contentHash: contentHash as ContentHash,
    ...(rowTag !== undefined && { rowTag }),
    jobId: jobId as JobId,
    runSeq,
    generation,
    image: {
      type,
      width,
      height,
      sizeBytes,
      sha256,
      ...(metadata['image-thumbnail'] === 'true' && { thumbnail: true }),
      ...(noThumbnail && { noThumbnail }),
      ...(perceptualHash !== undefined && /^[0-9a-f]{16}$/.test(perceptualHash) && { perceptualHash }),
    },
  };
}

function isImageType(text: string | undefined): text is ImageType {
  return text !== undefined && TYPES.has(text);
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 1;
}

/** Represents a row id in an image's metadata, which must be ASCII and should hold no ids: 16 hex digits. */
export function rowTagOf(rowId: RowId): string {
  return createHash('sha256').update(rowId, 'utf8').digest('hex').slice(0, 16);
}

/**
 * Whether an image at `name` is a row's: of its content and of the row itself, since rows with the same content may
 * have swapped names. Images of earlier versions do not name their row: they count if their name derives from the
 * row's id. An image stored under the row's former id counts as well.
 */
export function isImageOf(
  { contentHash, rowTag }: Pick<StoredIdentity, 'contentHash' | 'rowTag'>,
  row: Pick<PromptRow, 'rowId' | 'contentHash'>,
  name: string,
): boolean {
  if (contentHash !== row.contentHash) return false;
  const isOf = (rowId: RowId): boolean =>
    rowTag === undefined ? name === imageNameOf(rowId) : rowTag === rowTagOf(rowId);
  const former = formerRowId(row.rowId);
  return isOf(row.rowId) || (former !== undefined && isOf(former));
}
