import { sheetAddressIn } from '../../sheet/fetch/fetch-sheet.js';
import { isPrivateHost, opensPrivateAddresses } from '../../network/private-address.js';
import type { Config } from '../../config.js';

/** Whether workers of this configuration read sheets from private networks. */
export async function opensPrivateSheets({
  api,
  allowPrivateAddresses,
}: Pick<Config, 'api' | 'allowPrivateAddresses'>): Promise<boolean> {
  return allowPrivateAddresses || (api !== undefined && (await opensPrivateAddresses(api)));
}

/** The line that workers with this configuration would not read a schedule's sheet; empty if they would. */
export async function sheetReachText(
  config: Pick<Config, 'api' | 'allowPrivateAddresses'>,
  address: string,
): Promise<string> {
  const place = sheetAddressIn(address);
  if (place?.kind !== 'web' || (await opensPrivateSheets(config))) return '';
  if (!(await isPrivateHost(place.url.hostname))) return '';
  return `           ${place.url.host} is in a private network: workers read the sheet there only with BANANA_ALLOW_PRIVATE_ADDRESSES=true\n`;
}
