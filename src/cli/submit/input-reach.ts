import { bucketReach, outOfReachText } from '../../bananahub/bucket-reach.js';
import { isPrivateHost, opensPrivateAddresses } from '../../network/private-address.js';
import type { ApiConfig, BucketConfig, Config } from '../../config.js';
import { UsageError } from '../../errors.js';
import type { InputCounts } from '../../sheet/index.js';
import { privateHostsText } from '../../commands/input-text.js';

/** What an embedded S3 would have, wherever it is started. */
const EMBEDDED_ENDPOINT = 'http://127.0.0.1';

/**
 * Lines that tell which input images the API may not be able to fetch. Throws a UsageError where it surely cannot reach
 * the bucket, and rows have images there. Without an API key only the workers know the API: nothing is told then.
 */
export async function inputReachText(
  { api, bucket }: Pick<Config, 'api' | 'bucket'>,
  inputs: InputCounts,
): Promise<string> {
  if (!api || inputs.rows === 0) return '';
  return `${await bucketText(api, bucket, inputs)}${await hostsText(api, inputs)}`;
}

async function bucketText(
  api: ApiConfig,
  bucket: BucketConfig | undefined,
  { uploads }: InputCounts,
): Promise<string> {
  const endpoint = bucket ? bucket.s3.endpoint : EMBEDDED_ENDPOINT;
  if (uploads === 0 || endpoint === undefined) return '';
  switch (await bucketReach(endpoint, api)) {
    case 'reachable':
      return '';
    case 'doubtful':
      return `           BananaHub must fetch them from the bucket at ${new URL(endpoint).origin}, which resolves to a private network here\n`;
    case 'out-of-reach':
      throw new UsageError(`${outOfReachText(endpoint, api)} Nothing was started.`);
  }
}

async function hostsText(api: ApiConfig, { hosts }: InputCounts): Promise<string> {
  if (hosts.length === 0 || (await opensPrivateAddresses(api))) return '';
  const isPrivate = await Promise.all(hosts.map(isPrivateHost));
  return privateHostsText(hosts.filter((_, index) => isPrivate[index] === true));
}
