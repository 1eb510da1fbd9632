import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackPorts } from './stack-data.js';

/** The sandbox API, which runs within this process. */
export interface SandboxServer {
  readonly baseUrl: string;
  close(): Promise<void>;
}

/** Starts the sandbox API; its jobs and balance are kept in `dataDir`. */
export async function startSandboxServer(options: {
  readonly dataDir: string;
  readonly ports: StackPorts;
  readonly apiKey: string;
}): Promise<SandboxServer> {
  const { dataDir, ports, apiKey } = options;
  await mkdir(dataDir, { recursive: true });
  // Loaded only if a sandbox is needed.
  const { startSandbox } = await import('../sandbox/index.js');
  const sandbox = await startSandbox({
    keys: [{ key: apiKey }],
    port: ports.api,
    imagesPort: ports.images,
    stateFile: join(dataDir, 'state.json'),
  });
  return { baseUrl: sandbox.apiUrl, close: () => sandbox.close() };
}
