import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

/** Ranges of one's own machine and network: reachable only on request. */
const PRIVATE_RANGES = new Set<string>(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat']);

/** Metadata services that clouds keep at addresses of private ranges: they hand out credentials. Sources: AWS, Google Cloud, Alibaba Cloud. */
const METADATA_SERVICES = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200']);

/** All that is routed publicly so far; the rest of IPv6 is reserved. Source: RFC 4291, IANA's registry of IPv6 address space. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** The one prefix whose last 32 bits are the IPv4 address that it leads to. Source: RFC 6052. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** Where an address leads: the public internet, one's own network, or nowhere a download may go (link-local, metadata services, multicast, reserved, no address). */
export type AddressReach = 'public' | 'private' | 'forbidden';

/** The reach of an IP address in any notation; IPv4 inside IPv6 (mapped, NAT64) counts as that IPv4 address. */
export function addressReach(address: string): AddressReach {
  if (!ipaddr.isValid(address)) return 'forbidden';
  const parsed = ipaddr.process(address);
  if (METADATA_SERVICES.has(parsed.toString())) return 'forbidden';
  if (parsed instanceof ipaddr.IPv6 && parsed.match(NAT64)) {
    return addressReach(parsed.toByteArray().slice(-4).join('.'));
  }
  const range = parsed.range();
  if (range !== 'unicast') return PRIVATE_RANGES.has(range) ? 'private' : 'forbidden';
  // The library calls every address unicast that it has no other word for, `::127.0.0.1` among them.
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST) ? 'public' : 'forbidden';
}

/** The host of a URL without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}

/** Whether only one's own machine or network reaches a URL's host: by its address, or by a name without a domain. */
export function isOwnHost(hostname: string): boolean {
  const host = bareHost(hostname);
  return /^([a-z0-9_-]+|.+\.localhost)$/i.test(host) || addressReach(host) === 'private';
}

/**
 * Whether a URL's host is, or resolves to, an address of one's own machine or network. A name that cannot be resolved
 * is not private. Meant for the API's own base URL: a local sandbox hands out local image URLs.
 */
export async function isPrivateHost(hostname: string): Promise<boolean> {
  const host = bareHost(hostname);
  if (ipaddr.isValid(host)) return addressReach(host) === 'private';
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  try {
    const addresses = await lookup(host, { all: true });
    return addresses.some(({ address }) => addressReach(address) === 'private');
  } catch {
    return false;
  }
}

/** Whether downloads may lead to private networks: where the configuration says so, or the API itself is in one. */
export async function opensPrivateAddresses(api: {
  readonly baseUrl: string;
  readonly allowPrivateAddresses?: boolean;
}): Promise<boolean> {
  return api.allowPrivateAddresses === true || isPrivateHost(new URL(api.baseUrl).hostname);
}
