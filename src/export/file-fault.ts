import { UsageError } from '../errors.js';

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Make room, or choose another place',
  EDQUOT: 'the disk quota is exceeded. Make room, or choose another place',
  EACCES: 'this user has no permission to write there. Choose another place, or change its permissions',
  EPERM: 'this user has no permission to write there. Choose another place, or change its permissions',
  EROFS: 'it is read-only. Choose another place',
  ENOTDIR: 'a part of this path is a file. Choose another place',
  EEXIST: 'a part of this path is a file. Choose another place',
  ENAMETOOLONG: 'the path is too long. Choose another place',
  EMFILE: 'too many files are open. Raise the limit (ulimit -n)',
  ENOENT: 'a file disappeared during the export. Does another export write to the same place?',
  EFBIG:
    'a file would exceed the size limit of this user or disk. Choose a smaller --shard-size, or another place',
  EIO: 'the disk reports an error. Choose another place',
};

/** What a person can do about an error of the file system at `place`; any other error comes back as it is. */
export function fileFault(error: unknown, place: string): unknown {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const cause = error instanceof UsageError ? undefined : CAUSES[code];
  return cause === undefined ? error : new UsageError(`${place}: ${cause} (${code}).`, { cause: error });
}

/** Whether an error is Node's own with that code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
