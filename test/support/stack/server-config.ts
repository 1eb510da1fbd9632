import type { BucketConfig, TemporalConfig } from '../../../src/config.js';
import type { S3Location } from '../../../src/local/servers/s3.js';

/** A command's configuration for a Temporal server. */
export function temporalConfig({
  address,
  namespace,
}: Pick<TemporalConfig, 'address' | 'namespace'>): TemporalConfig {
  return { origin: 'environment', connection: { address }, address, namespace };
}

/** A command's configuration for a bucket; `prefix` is empty or ends with a slash. */
export function bucketConfig(s3: S3Location, prefix = ''): BucketConfig {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return { origin: 'environment', bucket, prefix, s3: { endpoint, region, credentials } };
}
