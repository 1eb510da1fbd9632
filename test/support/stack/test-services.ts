import getPort from 'get-port';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../../src/local/sandbox/index.js';
import { startFaultProxy, type FaultProxy } from '../services/fault-proxy.js';
import { onFreePorts } from '../services/on-free-ports.js';
import { startTestStack, type TestStack } from './test-stack.js';

export const TEST_API_KEY = 'test-key';

/** Real Temporal and S3 and a sandbox, and where workers and commands reach them. `stop` stops all of them. */
export interface TestServices {
  readonly stack: TestStack;
  readonly sandbox: RunningSandbox;
  readonly s3Endpoint: string;
  readonly apiUrl: string;
  stop(): Promise<void>;
}

/** Proxies between workers and commands on one side and the services on the other; tests themselves reach those directly. */
export interface FaultProxies {
  readonly s3: FaultProxy;
  readonly api: FaultProxy;
  readonly images: FaultProxy;
}

export interface ProxiedServices extends TestServices {
  readonly proxies: FaultProxies;
}

export interface ServicesOptions {
  /** Its images are blank, unless set otherwise. */
  readonly sandbox: SandboxOptions;
  /** Servers that others use, too, and stop themselves; default: separate ones. */
  readonly stack?: TestStack;
}

export async function startServices(options: ServicesOptions): Promise<TestServices> {
  const [stack, sandbox] = await Promise.all([
    options.stack ?? startTestStack(),
    startSandbox({ blankImages: true, ...options.sandbox, keys: [TEST_API_KEY] }),
  ]);
  return {
    stack,
    sandbox,
    s3Endpoint: stack.s3.endpoint,
    apiUrl: sandbox.apiUrl,
    stop: async () => {
      try {
        await sandbox.close();
      } finally {
        if (!options.stack) await stack.stop();
      }
    },
  };
}

export async function startProxiedServices(options: ServicesOptions): Promise<ProxiedServices> {
  const [s3, api, images] = await Promise.all([startFaultProxy(), startFaultProxy(), startFaultProxy()]);
  const stack = options.stack ?? (await startTestStack());
  const { services, imagesPort } = await onFreePorts(async () => {
    const port = await getPort();
    const sandbox = { ...options.sandbox, imagesPort: port, imagesOrigin: images.origin };
    return { services: await startServices({ stack, sandbox }), imagesPort: port };
  });
  const { sandbox } = services;
  s3.forwardTo(stack.s3.endpoint);
  api.forwardTo(new URL(sandbox.apiUrl).origin);
  images.forwardTo(`http://127.0.0.1:${imagesPort}`);
  return {
    ...services,
    proxies: { s3, api, images },
    s3Endpoint: s3.origin,
    apiUrl: `${api.origin}${new URL(sandbox.apiUrl).pathname}`,
    stop: async () => {
      try {
        await Promise.all([s3, api, images].map((proxy) => proxy.close()));
      } finally {
        await services.stop();
        if (!options.stack) await stack.stop();
      }
    },
  };
}
