const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Whether a text can be a bucket's name. Source: S3's naming rules. */
export function isBucketName(text: string): boolean {
  return BUCKET.test(text);
}

/**
 * A folder within a bucket as keys begin with it: empty for the bucket itself, else ending with a slash; slashes around
 * it do not matter. Undefined where a folder's name is empty, `.` or `..`, or holds a control character.
 */
export function folderPath(text: string): string | undefined {
  const trimmed = text.replaceAll(/^\/+|\/+$/g, '');
  if (trimmed === '') return '';
  const isOdd = trimmed.split('/').some((name) => name === '' || name === '.' || name === '..');
  return isOdd || /\p{Cc}/u.test(trimmed) ? undefined : `${trimmed}/`;
}

/** The folder that `s3://bucket/folder/` names; undefined for anything else, also for a bucket alone. */
export function s3FolderIn(text: string): { readonly bucket: string; readonly root: string } | undefined {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)(.*)$/s.exec(text) ?? [];
  const root = folderPath(path);
  return isBucketName(bucket) && root ? { bucket, root } : undefined;
}
