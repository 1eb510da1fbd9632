import ipaddr from 'ipaddr.js';
import { bareHost, isPrivateHost } from '../network/private-address.js';

/**
 * Whether the API can fetch input images from the bucket: `doubtful` if the bucket's name leads to a private network
 * from here, and may lead elsewhere from there.
 */
export type BucketReach = 'reachable' | 'doubtful' | 'out-of-reach';

/** `endpoint` is the bucket's own server; undefined for AWS. An API in a private network reaches that network. */
export async function bucketReach(
  endpoint: string | undefined,
  api: { readonly baseUrl: string; readonly allowPrivateAddresses?: boolean },
): Promise<BucketReach> {
  if (endpoint === undefined || api.allowPrivateAddresses === true) return 'reachable';
  const host = new URL(endpoint).hostname;
  if (!(await isPrivateHost(host)) && !isLocalName(host)) return 'reachable';
  if (await isPrivateHost(new URL(api.baseUrl).hostname)) return 'reachable';
  return ipaddr.isValid(bareHost(host)) || isLocalName(host) ? 'out-of-reach' : 'doubtful';
}

/** A name that no other network knows. */
function isLocalName(host: string): boolean {
  return (
    !bareHost(host).includes(':') && (!host.includes('.') || /\.(?:localhost|local|internal)$/i.test(host))
  );
}

/** Text that the API cannot fetch input images from the bucket, and what to do. */
export function outOfReachText(endpoint: string, api: { readonly baseUrl: string }): string {
  return `BananaHub at ${new URL(api.baseUrl).origin} fetches input images itself, but cannot reach the bucket at ${new URL(endpoint).origin}, which is on this machine or a private network. Use a bucket that is reachable from the internet (BANANA_BUCKET with AWS credentials, AWS_ENDPOINT_URL_S3), or name the input images by http(s) URLs.`;
}
