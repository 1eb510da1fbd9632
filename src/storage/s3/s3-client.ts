import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { defaultProvider, type DefaultProviderInit } from '@aws-sdk/credential-provider-node';
import { ProxiedNodeAgent } from '../../network/node-agent.js';
import { MOST_IDLE_MS } from '../../network/connection-times.js';
import { explainNetworkFaults } from './s3-network-fault.js';
import { renewCredentials } from './s3-renewed-credentials.js';

export interface S3ConnectionOptions {
  /** URL of an S3-compatible server; default AWS_ENDPOINT_URL_S3, else AWS itself. */
  readonly endpoint?: string;
  /** Default AWS_REGION, AWS_DEFAULT_REGION, the profile's; `us-east-1` if an endpoint is set and none of these. */
  readonly region?: string;
  /** Default: the AWS SDK's own chain. */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']>;
  /** Maximum number of open connections; default 128. */
  readonly maxSockets?: number;
  /** Attempts of one request, including the first; default 4. */
  readonly maxAttempts?: number;
  /** Default 10 s. */
  readonly connectionTimeoutMs?: number;
  /** Maximum time without a byte in either direction; default 60 s. */
  readonly idleTimeoutMs?: number;
  /** Whether a request without an answer in time is retried like other transient faults. Default true. */
  readonly repeatsSilence?: boolean;
  /** The AWS variables that determine addressing, region and proxy; default the process's own. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** The SDK's client with this program's settings: path style with every endpoint, limited connections and times. */
export function createS3Client(options: S3ConnectionOptions): S3Client {
  const { maxSockets = 128, maxAttempts = 4, connectionTimeoutMs = 10_000, idleTimeoutMs = 60_000 } = options;
  const environment = options.environment ?? process.env;
  const endpoint = options.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  const region =
    options.region ??
    environment['AWS_REGION'] ??
    environment['AWS_DEFAULT_REGION'] ??
    (endpoint !== undefined && environment['AWS_PROFILE'] === undefined ? 'us-east-1' : undefined);
  // Node closes an idle connection by the server's `Keep-Alive` header, but only if a timeout is set.
  const agentOptions = { keepAlive: true, maxSockets, timeout: MOST_IDLE_MS };
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    // The SDK would read the shared files once per process.
    credentialDefaultProvider: (init: DefaultProviderInit) => defaultProvider({ ...init, ignoreCache: true }),
    maxAttempts,
    // Everything important is thrown; the SDK's own warnings would go to the console.
    logger: SILENT,
    retryMode: 'standard',
    // Waiting for "100 Continue" costs each body over 2 MB a round trip and a connection that is not reused.
    expectContinueHeader: false,
    requestHandler: {
      httpAgent: new ProxiedNodeAgent('http', agentOptions, environment),
      httpsAgent: new ProxiedNodeAgent('https', agentOptions, environment),
      connectionTimeout: connectionTimeoutMs,
      socketTimeout: idleTimeoutMs,
      // Waiting for a free connection is normal here and limited by the caller.
      socketAcquisitionWarningTimeout: 600_000,
    },
  });
  renewCredentials(client);
  explainNetworkFaults(client, { repeatsSilence: options.repeatsSilence ?? true });
  return client;
}

function ignore(): void {}

const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };
