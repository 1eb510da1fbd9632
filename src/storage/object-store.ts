import type { Readable } from 'node:stream';

/** An object's place. */
export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
}

export interface ObjectHead {
  readonly sizeBytes: number;
  /** With its quotes, as the server gave it. */
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

/** When a put may take effect: only where nothing is yet, or only over the version named. */
export type PutCondition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unchanged'; readonly etag: string };

export interface PutOptions {
  readonly contentType: string;
  /** ASCII only; AWS takes 2 KiB together. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly condition?: PutCondition;
  /** Lower-case hex; where given, it is not computed again. The server checks it in either case. */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
}

/** As for a put; the metadata replaces that of the source. */
export interface CopyOptions extends PutOptions {
  /** As `head` gave it. */
  readonly sourceEtag: string;
  /** What the source's bytes hash to. */
  readonly sha256: string;
}

/** How an object was copied: by the server alone, or by a get and a put where the server does not copy as asked. */
export type CopyWay = 'within-storage' | 'through-here';

/** From when and for how long a presigned URL is good. */
export interface PresignOptions {
  /** Whole seconds count. Milliseconds since the epoch. */
  readonly signedAtMs: number;
  /** From 1 s to 7 days; temporary credentials end it sooner. */
  readonly validSeconds: number;
}

/** What signs presigned URLs, which work only as long as it does. */
export interface SigningCredentials {
  /** Given out for a time, which may end before a URL that they sign. */
  readonly isTemporary: boolean;
  /** When that is, where they say it. */
  readonly expiresAt: Date | undefined;
}

/**
 * The bucket, as far as this program needs one. Every method throws `StorageError` and nothing else; only where the
 * caller's own signal was aborted, it throws that signal's reason. Bodies are whole or absent, never cut.
 *
 * Puts repeat themselves after a transient fault. So `precondition-failed` may mean that an earlier try of the same put
 * took effect although its answer was lost: compare what is there before treating it as another's.
 */
export interface ObjectStore {
  /** Stores `body` whole, checked by the server against its sha256. */
  put(ref: ObjectRef, body: Uint8Array, options: PutOptions): Promise<{ readonly etag: string }>;
  /** Stores a local file of up to 5 GB whole, checked by the server against its sha256. */
  putFile(ref: ObjectRef, path: string, options: PutOptions): Promise<{ readonly etag: string }>;
  /**
   * Copies an object of up to 5 GB, if it is still the one with `sourceEtag`; throws with code `corrupted` where the
   * copy has other bytes. A server that refuses copies with a checksum gets the object by a put instead. Some servers
   * ignore the `condition` of a copy: look before.
   */
  copy(from: ObjectRef, to: ObjectRef, options: CopyOptions): Promise<CopyWay>;
  /** The object's bytes as a stream; throws with code `not-found` where there is none. */
  read(ref: ObjectRef, signal?: AbortSignal): Promise<Readable>;
  /**
   * A URL by which anybody may read the object for a time: secret. The same object, time and credentials of this store
   * give the same URL; it asks no server, and no one looks whether the object is there.
   */
  presignGet(ref: ObjectRef, options: PresignOptions): Promise<string>;
  /** What signs URLs of a bucket's objects now. */
  signingCredentials(bucket: string): Promise<SigningCredentials>;
  /** The whole object as UTF-8, up to 64 MiB. */
  readText(ref: ObjectRef, signal?: AbortSignal): Promise<string>;
  /** Undefined where there is no such object. */
  head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectHead | undefined>;
  /** All objects whose keys start with `prefix`, in key order. */
  list(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** The "folders" directly below `prefix`, each with its trailing slash. */
  listFolders(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string>;
  /** Succeeds also where there is no such object. */
  delete(ref: ObjectRef, signal?: AbortSignal): Promise<void>;
  /** Throws unless the bucket exists and may be used. */
  checkBucket(bucket: string, signal?: AbortSignal): Promise<void>;
  /** Makes the bucket where it does not exist yet; for embedded servers and tests. */
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

/** A bucket's refusal or failure, with the place it concerns; the message names both and holds no secret. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly ref: { readonly bucket: string; readonly key?: string };
  /** What failed on the way, without the key: `does not answer (put, http://127.0.0.1:7070)`. Only with code `unreachable`. */
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
