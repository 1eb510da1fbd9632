import ipaddr from 'ipaddr.js';
import { bareHost } from './private-address.js';
import { UsageError } from '../errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The forward proxy for a URL by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (lower case wins); undefined for none.
 * This machine itself is always reached directly.
 *
 * `NO_PROXY` lists hosts, which include their subdomains, with or without a port, IP addresses, networks such as
 * `10.0.0.0/8`, or `*`. Throws a UsageError for a proxy that is not an http(s) URL.
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = variable(environment, name).trim();
  if (text === '' || isThisMachine(url.hostname)) return undefined;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const exceptions = variable(environment, 'NO_PROXY').split(/[\s,]+/);
  if (exceptions.some((entry) => isMeant(entry, bareHost(url.hostname).toLowerCase(), port)))
    return undefined;
  return proxyIn(text, name);
}

/** Whether a host is this machine, by its address or a name that always means it. */
export function isThisMachine(hostname: string): boolean {
  const host = bareHost(hostname).toLowerCase();
  if (/^(?:.+\.)?localhost\.?$/.test(host)) return true;
  return ipaddr.isValid(host) && ['loopback', 'unspecified'].includes(ipaddr.process(host).range());
}

/** User and password of the configured proxies, both as in the variables and decoded. */
export function proxySecrets(environment: Environment): readonly string[] {
  return ['HTTPS_PROXY', 'HTTP_PROXY'].flatMap((name) => {
    const text = variable(environment, name).trim();
    const address = text.includes('://') ? text : `http://${text}`;
    if (text === '' || !URL.canParse(address)) return [];
    const { password } = new URL(address);
    return [password, decoded(password)];
  });
}

function variable(environment: Environment, name: string): string {
  return environment[name.toLowerCase()] || environment[name] || '';
}

function proxyIn(text: string, name: string): URL {
  const address = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url;
  throw new UsageError(
    `${name} is not the address of an HTTP proxy: expected one like http://proxy.example:3128.`,
  );
}

/** `Proxy-Authorization` for a proxy with a user in its URL; undefined for one without. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether an entry of `NO_PROXY` matches a host and port. */
function isMeant(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  const network = networkIn(entry);
  if (network) return ipaddr.isValid(host) && isWithin(ipaddr.process(host), network);
  const [, name = '', onPort] = /^(.*?)(?::(\d+))?$/.exec(isBareIpv6(entry) ? `[${entry}]` : entry) ?? [];
  if (onPort !== undefined && onPort !== port) return false;
  const meant = bareHost(name.toLowerCase())
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  if (meant === '') return false;
  if (ipaddr.isValid(meant) && ipaddr.isValid(host)) {
    return ipaddr.process(meant).toNormalizedString() === ipaddr.process(host).toNormalizedString();
  }
  const target = host.replace(/\.$/, '');
  return target === meant || target.endsWith(`.${meant}`);
}

function isBareIpv6(entry: string): boolean {
  return ipaddr.IPv6.isValid(entry);
}

type Network = ReturnType<typeof ipaddr.parseCIDR>;

function networkIn(entry: string): Network | undefined {
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
