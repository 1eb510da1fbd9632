import { Agent, Pool, ProxyAgent, type buildConnector } from 'undici';
import { KEEP_ALIVE } from './connection-times.js';
import { proxyAuthorization, proxyFor } from './proxy-for.js';

const CONNECT_MS = 10_000;

export interface ProxyOptions {
  /** The proxies' environment variables; default the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Called before a proxy connects to a host; throws if it must not. */
  readonly check?: (target: buildConnector.Options) => Promise<void>;
}

/**
 * Connections to any host, directly or through a forward proxy by `proxyFor`; a proxy sees only the host's name and
 * port (`CONNECT`), also for http. The caller closes it.
 */
export function createAgent(options: Agent.Options = {}, proxies: ProxyOptions = {}): Agent {
  const { environment = process.env, check } = proxies;
  const given = { connect: { timeout: CONNECT_MS }, ...KEEP_ALIVE, ...options };
  return new Agent({
    ...given,
    factory: (origin) => {
      const proxy = proxyFor(new URL(origin), environment);
      return proxy === undefined ? new Pool(origin, given) : throughProxy(proxy, given, check);
    },
  });
}

function throughProxy(proxy: URL, options: Agent.Options, check: ProxyOptions['check']): ProxyAgent {
  const { connect: _direct, ...given } = options;
  const authorization = proxyAuthorization(proxy);
  return new ProxyAgent({
    ...given,
    // Without user and password, so that no error can repeat them.
    uri: `${proxy.protocol}//${proxy.host}`,
    ...(authorization !== undefined && { token: authorization }),
    proxyTls: { timeout: CONNECT_MS },
    clientFactory: (origin, own) => new Pool(origin, { ...own, ...KEEP_ALIVE, headersTimeout: CONNECT_MS }),
    factory: (origin, own: Pool.Options) => new Pool(origin, { ...own, ...checked(own.connect, check) }),
  });
}

function checked(
  connect: Pool.Options['connect'],
  check: ProxyOptions['check'],
): Pick<Pool.Options, 'connect'> | undefined {
  if (check === undefined || typeof connect !== 'function') return undefined;
  const connectChecked = async (
    target: buildConnector.Options,
    callback: buildConnector.Callback,
  ): Promise<void> => {
    try {
      await check(target);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connect(target, callback);
  };
  return { connect: (target, callback) => void connectChecked(target, callback) };
}
