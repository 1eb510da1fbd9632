import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

/** Ranges of the local machine and network: reachable only if configured. */
const PRIVATE_RANGES = new Set<string>(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat']);

/** Metadata services of clouds at addresses of private ranges, which return credentials. Sources: AWS, Google Cloud, Alibaba Cloud. */
const METADATA_SERVICES = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200']);

/** Everything that is publicly routed so far; the rest of IPv6 is reserved. Source: RFC 4291, IANA's registry of IPv6 address space. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** The one prefix whose last 32 bits are the IPv4 address that it leads to. Source: RFC 6052. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * Where an address leads: the public internet, the local network, or nowhere allowed for a download (link-local,
 * metadata services, multicast, reserved, not an address).
 */
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
  // The library calls every address without another category unicast, including `::127.0.0.1`.
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST) ? 'public' : 'forbidden';
}

/** The host of a URL without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}

/** Whether a URL's host is reachable only from the local machine or network: by its address, or by a name without a domain. */
export function isOwnHost(hostname: string): boolean {
  const host = bareHost(hostname);
  return /^([a-z0-9_-]+|.+\.localhost)$/i.test(host) || addressReach(host) === 'private';
}

/**
 * Whether a URL's host is, or resolves to, an address of the local machine or network. An unresolvable name is not
 * private. Meant for the API's own base URL: a local sandbox returns local image URLs.
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

/** Whether downloads may lead to private networks: if so configured, or if the API itself is in one. */
export async function opensPrivateAddresses(api: {
  readonly baseUrl: string;
  readonly allowPrivateAddresses?: boolean;
}): Promise<boolean> {
  return api.allowPrivateAddresses === true || isPrivateHost(new URL(api.baseUrl).hostname);
}
