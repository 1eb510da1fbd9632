import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Agent, type AgentConnectOpts } from 'agent-base';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyAuthorization, proxyFor } from './proxy-for.js';

/** Connections of `node:http` or of `node:https`, directly or through a forward proxy by `proxyFor`. */
export class ProxiedNodeAgent extends Agent {
  readonly #scheme: 'http' | 'https';
  readonly #options: AgentOptions;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #direct: HttpAgent;
  readonly #tunnels = new Map<string, HttpsProxyAgent<string>>();

  constructor(
    scheme: 'http' | 'https',
    options: AgentOptions,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    super(options);
    this.#scheme = scheme;
    this.#options = options;
    this.#environment = environment;
    this.#direct = scheme === 'https' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** FailureMessage at the start: by default, every request looks for it several times in a stack trace. */
  override isSecureEndpoint(): boolean {
    return this.#scheme === 'https';
  }

  override async connect(_request: unknown, { host, port }: AgentConnectOpts): Promise<HttpAgent> {
    const name = host?.includes(':') ? `[${host}]` : host;
    const proxy = proxyFor(new URL(`${this.#scheme}://${name}:${port}`), this.#environment);
    return proxy === undefined ? this.#direct : this.#tunnelThrough(proxy);
  }

  override destroy(): void {
    for (const agent of [this.#direct, ...this.#tunnels.values()]) agent.destroy();
    super.destroy();
  }

  #tunnelThrough(proxy: URL): HttpsProxyAgent<string> {
    const known = this.#tunnels.get(proxy.href);
    if (known) return known;
    const authorization = proxyAuthorization(proxy);
    const agent = new HttpsProxyAgent(`${proxy.protocol}//${proxy.host}`, {
      ...this.#options,
      ...(authorization !== undefined && { headers: { 'Proxy-Authorization': authorization } }),
    });
    this.#tunnels.set(proxy.href, agent);
    return agent;
  }
}
