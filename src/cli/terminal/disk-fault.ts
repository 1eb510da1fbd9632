const CAUSES: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'Make room'],
  EDQUOT: ['the disk quota is exceeded', 'Make room'],
  EFBIG: ['the file would exceed the size limit of this user or disk', 'Raise the limit (ulimit -f)'],
  EROFS: ['the disk is read-only', 'Use another folder'],
  EACCES: ['this user has no permission to write there', 'Change its permissions, or use another folder'],
  EPERM: ['this user has no permission to write there', 'Change its permissions, or use another folder'],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n)'],
  ENFILE: ['too many files are open on this machine', 'Close some programs'],
  EIO: ['the disk reports an error', 'Use another folder'],
};
const DEEPEST_CAUSE = 5;

/** The sentence for an error of the local file system, even if it is the cause of another error; undefined for every other error. */
export function diskFaultText(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > DEEPEST_CAUSE) return undefined;
  const { code, path, syscall } = fieldsOf(error);
  const cause = CAUSES[code];
  // Network errors have codes and calls as well, and some of these codes.
  if (!cause || !FILE_CALLS.has(syscall)) return diskFaultText(error.cause, depth + 1);
  const [what, remedy] = cause;
  const place = path === '' ? 'a file' : path;
  return `Cannot write ${place}: ${what} (${code}). ${remedy}, then run the same command again: it continues.`;
}

const FILE_CALLS: ReadonlySet<string> = new Set([
  'open',
  'write',
  'writev',
  'close',
  'fsync',
  'fdatasync',
  'ftruncate',
  'truncate',
  'copyfile',
  'mkdir',
  'mkdtemp',
  'link',
  'symlink',
  'rename',
  'unlink',
  'scandir',
  'chmod',
  'rm',
  'access',
]);

function fieldsOf(error: Error): { readonly code: string; readonly path: string; readonly syscall: string } {
  const text = (name: string): string => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' ? value : '';
  };
  return { code: text('code'), path: text('path'), syscall: text('syscall') };
}
