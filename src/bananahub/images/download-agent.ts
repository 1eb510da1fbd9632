import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector, type Agent } from 'undici';
import { createAgent } from '../../network/agent.js';
import { addressReach, bareHost } from '../../network/private-address.js';

/** A host that a download may not connect to; the message names the host and nothing else of the URL. */
export class UnsafeAddressError extends Error {
  override readonly name = 'UnsafeAddressError';
  readonly host: string;

  constructor(host: string) {
    super(
      `The image URL leads to ${host}, an address in a private or reserved network. To allow private addresses, set BANANA_ALLOW_PRIVATE_ADDRESSES=true on the workers.`,
    );
    this.host = host;
  }
}

export interface DownloadAgentOptions {
  /** Lets downloads reach this machine and private networks; link-local and reserved addresses stay closed. Default false. */
  readonly allowPrivateAddresses?: boolean;
  /** The URL whose host and port may still be in a private network, because the caller itself chose it. */
  readonly chosen?: URL;
  /** Maximum time without a byte once connected; default 300 s. */
  readonly silenceMs?: number;
  /** Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Maximum number of open connections to one host; default 128. */
  readonly connections?: number;
  /** How names are resolved; default the system's resolver. */
  readonly lookup?: LookupFunction;
  /** The proxies' environment variables; default the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Connections for downloading from URLs that someone else chose: each address is checked after its name is resolved
 * and before anything is sent, which catches redirects, unusual notations and names that resolve to private
 * addresses. The caller closes it.
 *
 * A forward proxy resolves names itself: before it is used, the name is checked by how it resolves here. An
 * unresolvable name is left to the proxy.
 */
export function createDownloadAgent(options: DownloadAgentOptions = {}): Agent {
  const { allowPrivateAddresses = false, chosen, connections = 128, silenceMs, environment } = options;
  const connectGuarded = guardedConnector(allowPrivateAddresses, options);
  const connectChosen = guardedConnector(true, options);
  const chosenPlace = chosen && placeOf(chosen);
  const isChosen = (target: Target): boolean => chosenPlace !== undefined && placeOf(target) === chosenPlace;
  return createAgent(
    {
      connections,
      ...(silenceMs !== undefined && { headersTimeout: silenceMs, bodyTimeout: silenceMs }),
      connect: (target, callback) => (isChosen(target) ? connectChosen : connectGuarded)(target, callback),
    },
    {
      ...(environment && { environment }),
      check: (target) => checkProxied(target, allowPrivateAddresses || isChosen(target), options),
    },
  );
}

type Target = Pick<URL, 'hostname' | 'port' | 'protocol'>;

/** Host and port. */
function placeOf({ hostname, port, protocol }: Target): string {
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

function guardedConnector(
  allowPrivate: boolean,
  { lookup = systemLookup, connectTimeoutMs = 10_000 }: DownloadAgentOptions,
): buildConnector.connector {
  const isAllowed = (address: string): boolean => isOpen(address, allowPrivate);
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
    // Addresses without a name are never looked up.
    if (isIP(host) !== 0 && !isAllowed(host)) return callback(new UnsafeAddressError(host), null);
    return connect(target, callback);
  };
}

function isOpen(address: string, allowPrivate: boolean): boolean {
  const reach = addressReach(address);
  return reach === 'public' || (reach === 'private' && allowPrivate);
}

async function checkProxied(
  { hostname }: Target,
  allowPrivate: boolean,
  { lookup = systemLookup }: DownloadAgentOptions,
): Promise<void> {
  const host = bareHost(hostname);
  const addresses = isIP(host) === 0 ? await resolved(host, lookup) : [{ address: host }];
  if (!addresses.every(({ address }) => isOpen(address, allowPrivate))) throw new UnsafeAddressError(host);
}

/** Empty if the name cannot be resolved. */
function resolved(host: string, lookup: LookupFunction): Promise<readonly LookupAddress[]> {
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error, found) => resolve(error === null ? addressList(found) : []));
  });
}

function addressList(found: string | readonly LookupAddress[] | undefined): readonly LookupAddress[] {
  if (found === undefined) return [];
  return typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
}
