import type { Readable } from 'node:stream';

/** An object's place. */
export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
}

export interface ObjectHead {
  readonly sizeBytes: number;
  /** With its quotes, as returned by the server. */
  readonly etag: string;
  readonly contentType?: string;
  /** Lower-case names, ASCII values. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly lastModified?: Date;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** The condition of a put: only if there is no object yet, or only over the named version. */
export type PutCondition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unchanged'; readonly etag: string };

export interface PutOptions {
  readonly contentType: string;
  /** ASCII only; AWS allows 2 KiB in total. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly condition?: PutCondition;
  /** Lower-case hex; if given, it is not computed again. The server checks it in either case. */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
}

/** As for a put; the metadata replaces that of the source. */
export interface CopyOptions extends PutOptions {
  /** As returned by `head`. */
  readonly sourceEtag: string;
  /** The digest of the source's bytes. */
  readonly sha256: string;
}

/** How an object was copied: by the server, or by a get and a put if the server does not support the copy. */
export type CopyWay = 'within-storage' | 'through-here';

/** The validity of a presigned URL. */
export interface PresignOptions {
  /** In whole seconds. Milliseconds since the epoch. */
  readonly signedAtMs: number;
  /** From 1 s to 7 days; temporary credentials end it sooner. */
  readonly validSeconds: number;
}

/** The credentials that sign presigned URLs, which work only as long as these. */
export interface SigningCredentials {
  /** Temporary; may end before a URL that they sign. */
  readonly isTemporary: boolean;
  /** When that is, if known. */
  readonly expiresAt: Date | undefined;
}

/**
 * The part of a bucket's interface that this program needs. Every method throws only `StorageError`, except that it
 * throws the reason of the caller's own signal if that was aborted. Bodies are complete or absent, never truncated.
 *
 * Puts are retried after a transient fault. So `precondition-failed` may mean that an earlier attempt of the same put
 * succeeded although its answer was lost: compare the present object before treating it as another's.
 */
export interface ObjectStore {
  /** Stores all of `body`, checked by the server against its sha256. */
  put(ref: ObjectRef, body: Uint8Array, options: PutOptions): Promise<{ readonly etag: string }>;
  /** Stores a local file of up to 5 GB, checked by the server against its sha256. */
  putFile(ref: ObjectRef, path: string, options: PutOptions): Promise<{ readonly etag: string }>;
  /**
   * Copies an object of up to 5 GB if it still has `sourceEtag`; throws with code `corrupted` if the copy has
   * different bytes. If a server refuses copies with a checksum, the object is stored by a put instead. Some servers
   * ignore the `condition` of a copy: check before.
   */
  copy(from: ObjectRef, to: ObjectRef, options: CopyOptions): Promise<CopyWay>;
  /** The object's bytes as a stream; throws with code `not-found` if there is none. */
  read(ref: ObjectRef, signal?: AbortSignal): Promise<Readable>;
  /**
   * A URL with which anybody may read the object for a time: secret. The same object, time and credentials of this
   * store give the same URL; sends no request, and does not check whether the object exists.
   */
  presignGet(ref: ObjectRef, options: PresignOptions): Promise<string>;
  /** The present credentials that sign URLs of a bucket's objects. */
  signingCredentials(bucket: string): Promise<SigningCredentials>;
  /** The whole object as UTF-8, up to 64 MiB. */
  readText(ref: ObjectRef, signal?: AbortSignal): Promise<string>;
  /** Undefined if there is no such object. */
  head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectHead | undefined>;
  /** All objects with keys that start with `prefix`, in key order. */
  list(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** The "folders" directly below `prefix`, each with its trailing slash. */
  listFolders(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string>;
  /** Also succeeds if there is no such object. */
  delete(ref: ObjectRef, signal?: AbortSignal): Promise<void>;
  /** Throws unless the bucket exists and may be used. */
  checkBucket(bucket: string, signal?: AbortSignal): Promise<void>;
  /** Creates the bucket if it does not exist; for embedded servers and tests. */
  createBucket(bucket: string): Promise<void>;
  /** Releases the connections. */
  close(): void;
}

export type StorageErrorCode =
  | 'not-found'
  | 'bucket-missing'
  | 'denied'
  | 'bad-credentials'
  | 'precondition-failed'
  | 'unreachable'
  | 'unavailable'
  | 'corrupted'
  | 'other';

/** A refusal or failure of a bucket, with its place; the message names both and holds no secret. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly ref: { readonly bucket: string; readonly key?: string };
  /** What failed, without the key: `does not answer (put, http://127.0.0.1:7070)`. Only with code `unreachable`. */
  readonly unreachable: string | undefined;

  constructor(
    code: StorageErrorCode,
    ref: { readonly bucket: string; readonly key?: string },
    message: string,
    options: ErrorOptions & { readonly unreachable?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.ref = ref;
    this.unreachable = options.unreachable;
  }
}

/** Whether the same call may succeed a moment later. */
export function isTransient(error: StorageError): boolean {
  return error.code === 'unreachable' || error.code === 'unavailable' || error.code === 'corrupted';
}
