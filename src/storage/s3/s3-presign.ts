import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { ObjectRef, PresignOptions } from '../object-store.js';
import { hasHeaders } from './s3-put-command.js';

/**
 * A presigned GET of an object that works in any client. Only the host is signed: the SDK's own request for checksums
 * (`x-amz-checksum-mode`) would be part of the signed query, and stores such as Cloudflare R2 answer 403 to it.
 */
export async function presignedGet(
  client: S3Client,
  { bucket, key }: ObjectRef,
  { signedAtMs, validSeconds }: PresignOptions,
): Promise<string> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  command.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) {
        const { headers } = args.request;
        for (const name of Object.keys(headers))
          if (/^x-amz-(?!security-token)/i.test(name)) delete headers[name];
      }
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'signOnlyTheHost' },
  );
  return getSignedUrl(client, command, { signingDate: new Date(signedAtMs), expiresIn: validSeconds });
}
