import type { S3Location } from '../../../src/local/servers/s3.js';

/** The environment by which a command finds a bucket. */
export function bucketVariables({ endpoint, region, bucket, accessKeyId, secretAccessKey }: S3Location) {
  return {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    BANANA_BUCKET: bucket,
  };
}
