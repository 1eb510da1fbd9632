import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { KEEP_ALIVE } from '../storage/connection-times.js';
import { addressReach, bareHost } from './private-address.js';

/** A host that a download may not connect to; the message names the host and no more of the URL. */
export class UnsafeAddressError extends Error {
  override readonly name = 'UnsafeAddressError';
  readonly host: string;

  constructor(host: string) {
    super(
      `${host} is an address of a private or reserved network, where an image URL must not lead; BANANA_ALLOW_PRIVATE_ADDRESSES=true on the workers opens the private ones.`,
    );
    this.host = host;
  }
}

export interface DownloadAgentOptions {
  /** Lets downloads reach this machine and private networks; link-local and reserved addresses stay closed. Default false. */
  readonly allowPrivateAddresses?: boolean;
  /** The address whose host and port may be in a private network all the same: the caller chose it, and nobody else. */
  readonly chosen?: URL;
  /** Most time without a byte once connected; default 300 s. */
  readonly silenceMs?: number;
  /** Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Most open connections to one host; default 128. */
  readonly connections?: number;
  /** How names are resolved; default the system's way. */
  readonly lookup?: LookupFunction;
}

/**
 * Connections for downloading from URLs that somebody else chose: each address is checked after its name is resolved
 * and before anything is sent, so neither a redirect, nor another notation, nor a name that resolves inward gets past.
 * The caller closes it.
 */
export function createDownloadAgent(options: DownloadAgentOptions = {}): Agent {
  const { allowPrivateAddresses = false, chosen, connections = 128, silenceMs } = options;
  const connectGuarded = guardedConnector(allowPrivateAddresses, options);
  const connectChosen = guardedConnector(true, options);
  const chosenPlace = chosen && placeOf(chosen);
  return new Agent({
    connections,
    ...KEEP_ALIVE,
    ...(silenceMs !== undefined && { headersTimeout: silenceMs, bodyTimeout: silenceMs }),
    connect(target, callback) {
      const isChosen = chosenPlace !== undefined && placeOf(target) === chosenPlace;
      return (isChosen ? connectChosen : connectGuarded)(target, callback);
    },
  });
}

/** Host and port. */
function placeOf({ hostname, port, protocol }: Pick<URL, 'hostname' | 'port' | 'protocol'>): string {
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

function guardedConnector(
  allowPrivate: boolean,
  { lookup = systemLookup, connectTimeoutMs = 10_000 }: DownloadAgentOptions,
): buildConnector.connector {
  const isAllowed = (address: string): boolean => {
    const reach = addressReach(address);
    return reach === 'public' || (reach === 'private' && allowPrivate);
  };
  const checkingLookup: LookupFunction = (hostname, lookupOptions, callback) => {
    lookup(hostname, { ...lookupOptions, all: true }, (error, found) => {
      const addresses = addressList(found);
      if (error !== null) return callback(error, [], undefined);
      const first = addresses[0];
      if (first === undefined || !addresses.every(({ address }) => isAllowed(address))) {
        return callback(new UnsafeAddressError(hostname), [], undefined);
      }
      if (lookupOptions.all === true) return callback(null, [...addresses], undefined);
      return callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({ lookup: checkingLookup, timeout: connectTimeoutMs });
  return (target, callback) => {
    const host = bareHost(target.hostname);
    // A lookup is never made for a literal address.
    if (isIP(host) !== 0 && !isAllowed(host)) return callback(new UnsafeAddressError(host), null);
    return connect(target, callback);
  };
}

function addressList(found: string | readonly LookupAddress[] | undefined): readonly LookupAddress[] {
  if (found === undefined) return [];
  return typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
}
