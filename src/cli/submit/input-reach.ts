import prettyBytes from 'pretty-bytes';
import { bucketReach, outOfReachText } from '../../bananahub/bucket-reach.js';
import { isPrivateHost, opensPrivateAddresses } from '../../network/private-address.js';
import type { ApiConfig, BucketConfig, Config } from '../../config.js';
import { counted } from '../../domain/text/full-stop.js';
import { UsageError } from '../../errors.js';
import type { SheetInput, SheetInputs } from '../../sheet/fetch/sheet-inputs.js';
import type { InputCounts, SheetSummary } from '../../sheet/index.js';

/** The endpoint of an embedded S3, wherever it is started. */
const EMBEDDED_ENDPOINT = 'http://127.0.0.1';

/**
 * Lines about input images that the API may not be able to fetch. Throws a UsageError if it certainly cannot reach
 * the bucket, and rows have images there. Without an API key only the workers know the API: then the text is empty.
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

/** Lines about the input images that a sheet names; empty if there are none. */
export function inputsText(
  { rows, inputs }: Pick<SheetSummary, 'rows' | 'inputs'>,
  { images, outside, lent }: Pick<SheetInputs, 'images' | 'outside' | 'lent'>,
): string {
  if (inputs.rows === 0) return '';
  const sizeBytes = images.reduce((sum, { image }) => sum + image.sizeBytes, 0);
  const files = images.length > 0 ? [`${counted(images.length, 'file')} (${prettyBytes(sizeBytes)})`] : [];
  const urls = inputs.urls > 0 ? [counted(inputs.urls, 'URL')] : [];
  const mode = inputs.rows === rows ? 'all images are' : `${inputs.rows} of ${rows} images are`;
  const lines = [`Inputs     ${mode} made from input images: ${[...files, ...urls].join(', ')}\n`];
  if (outside > 0) {
    lines.push(`           ${counted(outside, 'file')} of them outside of the sheet's folder\n`);
  }
  if (lent > 0) {
    lines.push(
      `           ${counted(lent, 's3:// object')} of them, listed in a sheet from the web and read with your credentials\n`,
    );
  }
  return lines.join('');
}

/** The line about what a submission would upload besides the sheet; empty if there is nothing. */
export function uploadText(missing: readonly SheetInput[]): string {
  if (missing.length === 0) return '';
  const sizeBytes = missing.reduce((sum, { image }) => sum + image.sizeBytes, 0);
  return `Uploads    ${counted(missing.length, 'input image')}, ${prettyBytes(sizeBytes)}\n`;
}

/** The lines about hosts that the service cannot fetch from; empty if there are none. */
function privateHostsText(hosts: readonly string[]): string {
  if (hosts.length === 0) return '';
  const more = hosts.length > 3 ? ', …' : '';
  return `           URLs on ${hosts.slice(0, 3).join(', ')}${more} point to this machine or a private network: BananaHub cannot fetch them, and those rows will fail\n`;
}
