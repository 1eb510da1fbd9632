import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

/** Ranges of one's own machine and network: reachable only on request. */
const PRIVATE_RANGES = new Set<string>(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat']);

/** Where an address leads: the public internet, one's own network, or nowhere a download may go (link-local, metadata services, multicast, reserved, no address). */
export type AddressReach = 'public' | 'private' | 'forbidden';

/** The reach of an IP address in any notation; IPv4 inside IPv6 (mapped, NAT64) counts as that IPv4 address. */
export function addressReach(address: string): AddressReach {
  if (!ipaddr.isValid(address)) return 'forbidden';
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (range === 'rfc6052' && parsed instanceof ipaddr.IPv6) {
    return addressReach(parsed.toByteArray().slice(-4).join('.'));
  }
  if (range === 'unicast') return 'public';
  return PRIVATE_RANGES.has(range) ? 'private' : 'forbidden';
}

/** The host of a URL without the brackets of an IPv6 literal. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
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
