import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Agent, type AgentConnectOpts } from 'agent-base';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyAuthorization, proxyFor } from './proxy-for.js';

/** Connections of `node:http` and `node:https`, directly or through a forward proxy by `proxyFor`. */
export class ProxiedNodeAgent extends Agent {
  readonly #options: AgentOptions;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #tunnels = new Map<string, HttpsProxyAgent<string>>();

  constructor(options: AgentOptions, environment: Readonly<Record<string, string | undefined>>) {
    super(options);
    this.#options = options;
    this.#environment = environment;
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  override async connect(
    _request: unknown,
    { secureEndpoint, host, port }: AgentConnectOpts,
  ): Promise<HttpAgent> {
    const name = host?.includes(':') ? `[${host}]` : host;
    const url = new URL(`${secureEndpoint ? 'https' : 'http'}://${name}:${port}`);
    const proxy = proxyFor(url, this.#environment);
    if (proxy === undefined) return secureEndpoint ? this.#https : this.#http;
    return this.#tunnelThrough(proxy);
  }

  override destroy(): void {
    for (const agent of [this.#http, this.#https, ...this.#tunnels.values()]) agent.destroy();
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
