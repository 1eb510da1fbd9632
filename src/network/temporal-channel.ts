import { isThisMachine } from './proxy-for.js';

/** The same options of a client, but without the proxy that gRPC takes from the environment if the server is on this machine. */
export function directToThisMachine<Options extends { readonly address?: string }>(
  options: Options,
): Options & { readonly channelArgs?: Record<string, number> } {
  const { address } = options;
  if (address === undefined || !isThisMachine(address.replace(/:\d+$/, ''))) return options;
  return { ...options, channelArgs: { 'grpc.enable_http_proxy': 0 } };
}
