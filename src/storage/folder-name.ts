const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Whether a text is a valid bucket name. Source: S3's naming rules. */
export function isBucketName(text: string): boolean {
  return BUCKET.test(text);
}

/**
 * A folder within a bucket as a key prefix: empty for the bucket itself, else ending with a slash; surrounding
 * slashes are ignored. Undefined if a folder's name is empty, `.` or `..`, or contains a control character.
 */
export function folderPath(text: string): string | undefined {
  const trimmed = text.replaceAll(/^\/+|\/+$/g, '');
  if (trimmed === '') return '';
  const isOdd = trimmed.split('/').some((name) => name === '' || name === '.' || name === '..');
  return isOdd || /\p{Cc}/u.test(trimmed) ? undefined : `${trimmed}/`;
}

/** The folder in `s3://bucket/folder/`; undefined for anything else, including a bucket alone. */
export function s3FolderIn(text: string): { readonly bucket: string; readonly root: string } | undefined {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)(.*)$/s.exec(text) ?? [];
  const root = folderPath(path);
  return isBucketName(bucket) && root ? { bucket, root } : undefined;
}
